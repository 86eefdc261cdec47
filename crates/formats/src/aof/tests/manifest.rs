//! Manifests: Redis's rules and errors, and what a rewrite does to one.

use proptest::prelude::*;

use crate::aof::manifest::{BaseFormat, File, Manifest};

fn file(name: &str, seq: i64) -> File {
    File { name: name.into(), seq }
}

fn error(text: &str) -> String {
    Manifest::parse(text.as_bytes()).expect_err(text).to_string()
}

#[test]
fn parts_are_read_and_written() {
    let text = "file appendonly.aof.2.base.rdb seq 2 type b\n\
                file appendonly.aof.1.incr.aof seq 1 type h\n\
                file \"with space\" seq 4 type i\n\
                file a.5 seq 5 type i\n";
    let manifest = Manifest::parse(text.as_bytes()).expect("sound");
    assert_eq!(manifest.base(), Some(&file("appendonly.aof.2.base.rdb", 2)));
    assert_eq!(manifest.history(), [file("appendonly.aof.1.incr.aof", 1)]);
    assert_eq!(manifest.incr(), [file("with space", 4), file("a.5", 5)]);
    let order: Vec<_> = manifest.files().map(|file| file.path().display().to_string()).collect();
    assert_eq!(order, ["appendonly.aof.2.base.rdb", "with space", "a.5"]);
    assert_eq!(String::from_utf8_lossy(&manifest.format()), text);
}

#[test]
fn lines_may_be_in_any_order_and_say_more() {
    let text = "# a comment\n  TYPE incr future x seq +07z File 'a b' \t\r\n#\nseq 1 file base type b\n";
    let manifest = Manifest::parse(text.as_bytes()).expect("sound");
    assert_eq!((manifest.base(), manifest.incr()), (Some(&file("base", 1)), &[file("a b", 7)][..]));
    let comments = Manifest::parse(b"# nothing\n").expect("as Redis has it");
    assert!(comments.is_empty() && comments.format().is_empty());
}

#[test]
fn what_is_wrong_is_said_in_redis_words() {
    let at = |line: usize, text: &str, what: &str| {
        format!("Reading the manifest file, at line {line}\n>>> '{text}'\n{what}")
    };
    let format = "Invalid AOF manifest file format";
    assert_eq!(error(""), "Found an empty AOF manifest");
    assert_eq!(error("file a seq 1 type b"), "The AOF manifest file contains too long line");
    assert_eq!(
        error(&format!("file {} seq 1 type b\n", "a".repeat(1024))),
        "The AOF manifest file contains too long line"
    );
    assert_eq!(error("file a\0 seq 1 type b\n"), "The AOF manifest file contains too long line");
    assert_eq!(error("\n"), at(1, "", format));
    for line in [
        "file a seq 1",
        "file a seq 1 type",
        "file a seq 1 type b x",
        "file a seq 0 type b",
        "file a seq x type b",
        "file a seq 1 type ''",
        "file \"a seq 1 type b",
        "name a seq 1 type b",
    ] {
        assert_eq!(error(&format!("#\n {line}\n")), at(2, line, format));
    }
    for name in ["/a", "a/b", "a\\\\b"] {
        let line = format!("file \"{name}\" seq 1 type b");
        assert_eq!(error(&format!("{line}\n")), at(1, &line, "File can't be a path, just a filename"));
    }
    let base = "file a seq 1 type b";
    assert_eq!(error(&format!("{base}\n{base}\n")), at(2, base, "Found duplicate base file information"));
    let incr = "file a seq 1 type i";
    assert_eq!(error(&format!("{incr}\n{incr}\n")), at(2, incr, "Found a non-monotonic sequence number"));
    assert_eq!(
        error("file a seq -1 type i\n"),
        at(1, "file a seq -1 type i", "Found a non-monotonic sequence number")
    );
    assert_eq!(error("file a seq 1 type x\n"), at(1, "file a seq 1 type x", "Unknown AOF file type"));
}

#[test]
fn a_rewrite_replaces_all_before_its_cut() {
    let mut manifest = Manifest::default();
    assert_eq!(manifest.new_base("a", BaseFormat::Rdb), &file("a.1.base.rdb", 1));
    assert_eq!(manifest.new_incr("a"), &file("a.1.incr.aof", 1));
    assert_eq!(manifest.new_incr("a"), &file("a.2.incr.aof", 2));
    assert_eq!(manifest.new_base("a", BaseFormat::Aof), &file("a.2.base.aof", 2));
    manifest.retire_incr(1);
    assert_eq!(manifest.history(), [file("a.1.incr.aof", 1), file("a.1.base.rdb", 1)]);
    assert_eq!(manifest.incr(), [file("a.2.incr.aof", 2)]);
    assert_eq!(manifest.take_history().len(), 2);
    manifest.retire_incr(0);
    assert_eq!(manifest.take_history(), [file("a.2.incr.aof", 2)]);
    assert_eq!(manifest.new_incr("a").seq, 3, "no number is given twice");
}

/// Redis would append to a file that it deletes next.
#[test]
fn no_new_file_has_the_name_of_one_to_be_deleted() {
    let text =
        b"file a.2.base.rdb seq 2 type b\nfile a.3.base.rdb seq 3 type h\nfile a.1.incr.aof seq 1 type h\n";
    let mut manifest = Manifest::parse(text).expect("sound");
    assert_eq!(manifest.new_incr("a"), &file("a.2.incr.aof", 2));
    assert_eq!(manifest.new_base("a", BaseFormat::Rdb), &file("a.4.base.rdb", 4));
    let text = format!("file a.9223372036854775807.incr.aof seq {} type i\n", i64::MAX);
    let mut manifest = Manifest::parse(text.as_bytes()).expect("sound");
    assert_eq!(manifest.new_incr("a").seq, i64::MAX, "ends, and does not wrap");
}

#[test]
fn a_single_file_of_old_is_the_base() {
    let manifest = Manifest::of_single_file("appendonly.aof");
    assert_eq!(manifest.format(), b"file appendonly.aof seq 1 type b\n");
}

proptest! {
    #[test]
    fn any_names_come_back(names in prop::collection::vec("[^/\\\\\0]{0,20}", 1..5)) {
        let mut text = Vec::new();
        for (index, name) in names.iter().enumerate() {
            let quoted = resp::words::quoted(name.as_bytes());
            text.extend([b"file ", &quoted[..], format!(" seq {} type i\n", index + 1).as_bytes()].concat());
        }
        let manifest = Manifest::parse(&text).expect("sound");
        prop_assert_eq!(manifest.incr().iter().map(|file| &file.name[..]).collect::<Vec<_>>(), names.iter().map(|name| name.as_bytes()).collect::<Vec<_>>());
        prop_assert_eq!(Manifest::parse(&manifest.format()), Ok(manifest));
    }

    #[test]
    fn any_bytes_end(text in "(file|seq|type|[0-9]|[bhi]|[\"'# /\\\\\n\0]| ){0,40}") {
        if let Ok(manifest) = Manifest::parse(text.as_bytes()) {
            prop_assert!(manifest.is_empty() || Manifest::parse(&manifest.format()).is_ok());
        }
    }
}
