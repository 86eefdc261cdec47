//! What the tests need beyond Rust: genuine servers and clients, from Debian, PyPI and npm.

use crate::Done;
use crate::shell::{self, root, target, which, works};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Something a test uses and the Debian package that has it.
struct Need {
    what: &'static str,
    package: &'static str,
    present: fn() -> bool,
}

const NEEDS: [Need; 12] = [
    Need { what: "a C compiler for jemalloc", package: "gcc", present: || which("cc").is_some() },
    Need { what: "make for jemalloc", package: "make", present: || which("make").is_some() },
    Need {
        what: "genuine redis-server",
        package: "redis-server",
        present: || which("redis-server").is_some(),
    },
    Need {
        what: "genuine redis-sentinel, for the monitor",
        package: "redis-sentinel",
        present: || which("redis-sentinel").is_some(),
    },
    Need {
        what: "the exporter that the monitor's metrics are compared with",
        package: "prometheus-redis-exporter",
        present: || which("prometheus-redis-exporter").is_some(),
    },
    Need { what: "openssl, for certificates", package: "openssl", present: || which("openssl").is_some() },
    Need {
        what: "redis-cli and redis-benchmark",
        package: "redis-tools",
        present: || which("redis-benchmark").is_some(),
    },
    Need {
        what: "Python with venv, for redis-py",
        package: "python3-venv",
        present: || python_with_venv().is_some(),
    },
    Need {
        what: "Node.js, for ioredis and playwright",
        package: "nodejs",
        present: || which("node").is_some(),
    },
    Need { what: "npm, for ioredis and playwright", package: "npm", present: || which("npm").is_some() },
    Need {
        what: "Chromium, for the monitor's dashboard",
        package: "chromium",
        present: || which("chromium").is_some(),
    },
    Need {
        what: "ip, for addresses in a network namespace",
        package: "iproute2",
        present: || which("ip").is_some(),
    },
];

/// A Python that can make virtual environments. Debian's comes first: others are often half a Python.
fn python_with_venv() -> Option<PathBuf> {
    let candidates = [Some(PathBuf::from("/usr/bin/python3")), which("python3")];
    let mut found = candidates.into_iter().flatten().filter(|python| python.is_file());
    found.find(|python| works(Command::new(python).args(["-c", "import venv, ensurepip"])))
}

/// Says what is missing and, when `install`, installs it; then the packages of the client suites.
///
/// # Errors
/// When something is missing and cannot be installed.
pub fn meet(install: bool) -> Done {
    let missing: Vec<&Need> = NEEDS.iter().filter(|need| !(need.present)()).collect();
    if !missing.is_empty() {
        let packages: Vec<&str> = missing.iter().map(|need| need.package).collect();
        let command = format!("apt-get install -y --no-install-recommends {}", packages.join(" "));
        let reasons: Vec<&str> = missing.iter().map(|need| need.what).collect();
        eprintln!("missing: {}\nneeded:  {command}", reasons.join("; "));
        if !install {
            return Err("something is missing (--no-install)".into());
        }
        apt_get(&packages)?;
    }
    python_packages(install)?;
    node_packages("node", "tests/suites/node", install)?;
    node_packages("browser", "tools/monitor/tests/browser", install)
}

/// Installs packages as root, or by sudo where that asks for no password.
fn apt_get(packages: &[&str]) -> Done {
    let prefix: &[&str] = if works(Command::new("sh").args(["-c", "test $(id -u) = 0"])) {
        &["env"]
    } else if works(Command::new("sudo").args(["-n", "true"])) {
        &["sudo", "-n", "env"]
    } else {
        return Err("neither root nor sudo without a password: please install it yourself".into());
    };
    let apt_get = |arguments: &[&str]| {
        let quiet = ["DEBIAN_FRONTEND=noninteractive", "apt-get", "-q"];
        Command::new(prefix[0])
            .args(&prefix[1..])
            .args(quiet)
            .args(arguments)
            .status()
            .is_ok_and(|s| s.success())
    };
    let install = [&["install", "-y", "--no-install-recommends"], packages].concat();
    // A machine that has never updated its lists knows no package.
    if apt_get(&install) || (apt_get(&["update"]) && apt_get(&install)) {
        return Ok(());
    }
    Err(format!("apt-get could not install {}", packages.join(" ")))
}

fn python_packages(install: bool) -> Done {
    let wanted = root().join("tests/suites/python/requirements.txt");
    up_to_date("python", &[&wanted], install, |folder| {
        let python = python_with_venv().ok_or("no Python with venv")?;
        shell::run(Command::new(python).args(["-m", "venv"]).arg(folder))?;
        let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"];
        shell::run(Command::new(folder.join("bin/python")).args(pip).arg(&wanted))
    })
}

/// The packages that the two files in `from` name, in `target/clients/NAME`.
fn node_packages(name: &str, from: &str, install: bool) -> Done {
    let wanted = ["package.json", "package-lock.json"].map(|name| root().join(from).join(name));
    up_to_date(name, &[&wanted[0], &wanted[1]], install, |folder| {
        for file in &wanted {
            let name = file.file_name().unwrap_or_default();
            fs::copy(file, folder.join(name)).map_err(|error| format!("{}: {error}", file.display()))?;
        }
        let quiet = ["ci", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel", "error"];
        shell::run(Command::new("npm").args(quiet).current_dir(folder))
    })
}

/// Makes `target/clients/NAME` anew unless it was made from the same files; a stamp in it remembers them.
fn up_to_date(name: &str, from: &[&Path], install: bool, make: impl FnOnce(&Path) -> Done) -> Done {
    let folder = target().join("clients").join(name);
    let stamp = folder.join(".made-from");
    let read =
        |file: &&Path| fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()));
    let wanted = from.iter().map(read).collect::<Result<String, String>>()?;
    if fs::read_to_string(&stamp).is_ok_and(|made| made == wanted) {
        return Ok(());
    }
    if !install {
        return Err(format!("{} is missing or old (--no-install)", folder.display()));
    }
    let cannot = |error: std::io::Error| format!("{}: {error}", folder.display());
    if folder.exists() {
        fs::remove_dir_all(&folder).map_err(cannot)?;
    }
    fs::create_dir_all(&folder).map_err(cannot)?;
    make(&folder)?;
    fs::write(&stamp, wanted).map_err(cannot)
}
