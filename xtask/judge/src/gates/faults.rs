//! `cargo xtask gates --self-test`: the engine's flavour linked with one fault each, which its gate must find.

use super::map::Map;
use super::{Gates, engine, sources};
use anyhow::{Result, ensure};
use base::compile::{self, Compile as _};
use base::{fault, fresh, root};
use std::fs;
use std::path::Path;

/// A fault: what it is, C code linked in, a symbol added to the map, options of the linker, and what the report says.
struct Fault {
    what: &'static str,
    code: &'static str,
    exported: &'static str,
    options: &'static [&'static str],
    report: &'static str,
}

/// The options of the Makefile.
const GOOD: &[&str] = &["-Wl,-z,nodelete,-z,now,-z,relro,-z,noexecstack,-z,shstk"];

const FAULTS: [Fault; 7] = [
    Fault {
        what: "no NODELETE",
        options: &["-Wl,-z,now,-z,relro,-z,noexecstack,-z,shstk"],
        report: "no flag NODELETE",
        ..NONE
    },
    Fault {
        what: "a symbol leaked",
        code: "int leaked(void) { return 1; }",
        exported: "leaked",
        report: "extra: leaked",
        ..NONE
    },
    Fault {
        what: "another library needed",
        code: "double cbrt(double); double other(double x) { return cbrt(x); }",
        options: &["-Wl,-z,nodelete,-z,now,-z,relro,-z,noexecstack,-z,shstk", "-lm"],
        report: "it needs: libm.so",
        ..NONE
    },
    Fault {
        what: "a function of libc that is not in the table",
        code: "int system(const char *); int other(void) { return system(\"\"); }",
        report: "not allowed: system",
        ..NONE
    },
    Fault {
        what: "a weak reference",
        code: "__attribute__((weak)) int absent(void); int other(void) { return absent ? absent() : 0; }",
        report: "weak: absent",
        ..NONE
    },
    Fault {
        what: "lazy binding",
        options: &["-Wl,-z,nodelete,-z,lazy,-z,relro,-z,noexecstack,-z,shstk"],
        report: "lazy binding",
        ..NONE
    },
    Fault {
        what: "an executable stack",
        options: &["-Wl,-z,nodelete,-z,now,-z,relro,-z,execstack,-z,shstk"],
        report: "an executable stack",
        ..NONE
    },
];

const NONE: Fault = Fault {
    what: "no fault",
    code: "",
    exported: "",
    options: GOOD,
    report: "",
};

/// Plants the faults in the engine's flavour beside a folder of plain libraries, all for this machine.
pub fn run(lib: &Path, libc: bool) -> Result<()> {
    let flavour = engine::folder(lib);
    let dir = root().join("target/gates-fault");
    let map = Map::of("liburing")?;
    let check = |fault: &Fault| -> Result<()> {
        fresh(&dir)?;
        link(&flavour, &dir, fault)?;
        let mut gates = Gates {
            libc,
            ..Gates::default()
        };
        gates.engine(&dir, "liburing", &map, None)?;
        ensure!(gates.failures.is_empty(), "{}", gates.failures.join("\n"));
        Ok(())
    };
    check(&NONE)?;
    for fault in &FAULTS {
        fault::expect(fault.what, fault.report, || check(fault))?;
    }
    fault::expect("the plain libraries made from the engine", "crates/engine/src", || {
        let release = sources::release(lib)?;
        fresh(&dir.join("release"))?;
        fs::create_dir(dir.join("lib"))?;
        for name in ["liburing.d", "liburing_engine.d"] {
            fs::copy(release.join("liburing_engine.d"), dir.join("release").join(name))?;
        }
        let mut gates = Gates::default();
        gates.sources(&dir.join("lib"))?;
        ensure!(gates.failures.is_empty(), "{}", gates.failures.join("\n"));
        Ok(())
    })
}

fn link(lib: &Path, dir: &Path, fault: &Fault) -> Result<()> {
    let [code, script] = ["fault.c", "fault.map"].map(|name| dir.join(name));
    fs::write(&code, fault.code)?;
    let mut map = fs::read_to_string(root().join("src/liburing.map"))?;
    if !fault.exported.is_empty() {
        map = map.replacen("global:", &format!("global: {};", fault.exported), 1);
    }
    fs::write(&script, map)?;
    compile::c()?
        .args(["-shared", "-fPIC", "-O1", "-fno-stack-protector", "-nostdlib"])
        .args(["-Wl,-soname,liburing.so.2", "-Wl,--as-needed"])
        .arg(format!("-Wl,--version-script={}", script.display()))
        .args([&lib.join("liburing.o"), &code])
        .args(fault.options)
        .arg("-lc")
        .to(dir.join("liburing.so.2"))
}
