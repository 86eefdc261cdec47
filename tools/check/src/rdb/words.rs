//! Numbers and errors in the words of redis-check-rdb, where it has them.

use formats::rdb::file::Checksum;
use formats::rdb::{Error, ErrorKind, Reader, Str, opcode, types};

use super::{Problem, Report};
use crate::output::Output;

/// A string for people: what is no UTF-8 is replaced.
pub fn text(string: Str<'_>) -> String {
    match string {
        Str::Int(value) => value.to_string(),
        Str::Bytes(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
    }
}

/// What TYPE answers for values of this type and encoding.
pub fn type_name(value_type: u8) -> &'static str {
    match value_type {
        types::STRING => "string",
        types::LIST | types::LIST_ZIPLIST | types::LIST_QUICKLIST | types::LIST_QUICKLIST_2 => "list",
        types::SET | types::SET_INTSET | types::SET_LISTPACK => "set",
        types::ZSET | types::ZSET_2 | types::ZSET_ZIPLIST | types::ZSET_LISTPACK => "zset",
        types::STREAM_LISTPACKS | types::STREAM_LISTPACKS_2 | types::STREAM_LISTPACKS_3 => "stream",
        types::MODULE_PRE_GA | types::MODULE_2 => "module",
        _ => "hash",
    }
}

/// The name of a type and encoding.
pub fn encoding(value_type: u8) -> &'static str {
    match value_type {
        types::STRING => "string",
        types::LIST => "list-linked",
        types::SET => "set-hashtable",
        types::ZSET => "zset-v1",
        types::HASH => "hash-hashtable",
        types::ZSET_2 => "zset-v2",
        types::MODULE_PRE_GA => "module-pre-release",
        types::MODULE_2 => "module-value",
        types::HASH_ZIPMAP => "hash-zipmap",
        types::LIST_ZIPLIST => "list-ziplist",
        types::SET_INTSET => "set-intset",
        types::ZSET_ZIPLIST => "zset-ziplist",
        types::HASH_ZIPLIST => "hash-ziplist",
        types::LIST_QUICKLIST => "quicklist",
        types::STREAM_LISTPACKS => "stream",
        types::HASH_LISTPACK => "hash-listpack",
        types::ZSET_LISTPACK => "zset-listpack",
        types::LIST_QUICKLIST_2 => "quicklist-v2",
        types::STREAM_LISTPACKS_2 => "stream-v2",
        types::SET_LISTPACK => "set-listpack",
        types::STREAM_LISTPACKS_3 => "stream-v3",
        types::VALKEY_HASH_2 => "hash-v2",
        types::HASH_METADATA => "hash-hashtable-md",
        types::HASH_LISTPACK_EX => "hash-listpack-md",
        _ => "unknown",
    }
}

/// The number and name of a type and encoding.
pub fn key_type(value_type: u8) -> String {
    format!("{value_type} ({})", encoding(value_type))
}

/// What the end of a file says about its bytes.
pub fn checksum(checksum: Checksum) -> &'static str {
    match checksum {
        Checksum::Verified => "verified",
        Checksum::Unverified => "disabled",
        Checksum::Absent => "absent",
    }
}

/// What is wrong with a file of this version.
pub fn error(error: &Error, version: u16) -> String {
    match error.kind {
        ErrorKind::Truncated => "Unexpected EOF reading RDB file".into(),
        ErrorKind::Signature => "Wrong signature trying to load DB from file".into(),
        ErrorKind::Version(version) => format!("Can't handle RDB format version {version}"),
        ErrorKind::Type(value_type) => format!("Invalid object type: {value_type}"),
        ErrorKind::PreRelease("function") => format!("Pre-release function format not supported {version}"),
        ErrorKind::Checksum { .. } => "RDB CRC error".into(),
        _ => error.to_string(),
    }
}

/// What was being read when it went wrong, in Redis's words, the type and the key: from the item that it went wrong in.
pub fn doing(item: &[u8], is_start: bool) -> (&'static str, Option<String>, Option<String>) {
    let Some((&code, behind)) = item.split_first().filter(|_| !is_start) else {
        return (if is_start { "start" } else { "read-type" }, None, None);
    };
    let doing = match code {
        opcode::EXPIRETIME | opcode::EXPIRETIME_MS => "read-expire",
        opcode::SELECTDB | opcode::RESIZEDB => "read-len",
        opcode::AUX => "read-aux",
        opcode::MODULE_AUX => "read-module-aux",
        opcode::FUNCTION2 => "read-functions",
        opcode::EOF => "check-sum",
        _ if encoding(code) == "unknown" => "read-type",
        value_type => {
            let key = Reader::new(behind).string().ok().map(text);
            let doing = if key.is_some() { "read-object-value" } else { "read-key" };
            return (doing, Some(key_type(value_type)), key);
        }
    };
    (doing, None, None)
}

/// Prints what is wrong.
pub fn problem(problem: &Problem, out: &Output) {
    out.line("--- RDB ERROR DETECTED ---");
    out.line(format_args!("[offset {}] {}", problem.offset, problem.error));
    out.line(format_args!("[additional info] While doing: {}", problem.doing));
    if let Some(key) = &problem.key {
        out.line(format_args!("[additional info] Reading key '{key}'"));
    }
    if let Some(key_type) = &problem.key_type {
        out.line(format_args!("[additional info] Reading type {key_type}"));
    }
}

/// Prints the numbers that end every check.
pub fn statistics(report: &Report, out: &Output) {
    out.line(format_args!("[info] {} keys read", report.keys));
    out.line(format_args!("[info] {} expires", report.expires));
    out.line(format_args!("[info] {} already expired", report.already_expired));
}
