//! WebAssembly, in Node and in a browser: a module says what the program says, and its kernels equal the reference.

use crate::bakelite::{DEMO, SHARED, bakelite, scratch};
use crate::foreign::{bits, can_compile, expected, have, output};
use crate::maps::{TWO, library};
use ::bakelite::build::toolchain::{self, in_path};
use ::bakelite::emit::noise_image;
use ::bakelite::specs::target::Target;
use serde_json::Value;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

/// Made once: the crate's folder, and the module.
static MODULE: LazyLock<(PathBuf, PathBuf)> = LazyLock::new(|| library("wasm32", "cdylib"));

#[test]
fn a_wasm_module_says_what_the_program_says() {
    if !have("node") || !can_compile("wasm32") {
        return;
    }
    let (folder, module) = &*MODULE;
    assert!(module.ends_with("two.wasm"), "{}", module.display());
    let mut node = Command::new("node");
    node.arg(folder.join("wasm/example.mjs"));
    assert_eq!(output(node), expected(&TWO, &[]));
}

/// A page around the page: has it open pictures by its own address, or drops them on it; tells the server what has become of it, once it
/// has shown them all or says what is wrong.
const AROUND: &str = r#"<!doctype html><iframe id="page"></iframe><script>
const asked = new URLSearchParams(location.search), frame = document.getElementById("page");
frame.src = `/wasm/index.html${location.search}`;
async function drop(names) {
  const page = frame.contentWindow, dataTransfer = new page.DataTransfer();
  for (const name of names) dataTransfer.items.add(new page.File([await (await fetch(name)).blob()], name.slice(1)));
  page.document.dispatchEvent(new page.DragEvent("drop", { dataTransfer, cancelable: true }));
}
const toDrop = asked.getAll("drop");
setInterval(() => {
  const inside = frame.contentDocument, sections = inside?.querySelectorAll("section") ?? [];
  const status = inside?.getElementById("status");
  if (status?.textContent === "Ready." && toDrop.length > 0) drop(toDrop.splice(0));
  if (sections.length < asked.size && status?.className !== "error") return;
  const bits = Array.from(sections, (section) => section.dataset.bits).reverse();
  fetch("/said", { method: "POST", body: [status.textContent, inside.querySelector("main").textContent, ...bits].join("\n") });
}, 100);
</script>"#;

/// Answers requests for files below `root`, and for [`AROUND`], on a port of this machine, for as long as anybody asks; what is posted
/// comes out of the channel.
fn serve(root: PathBuf) -> (u16, Receiver<String>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let (sender, posted) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (root, sender) = (root.clone(), sender.clone());
            // A browser opens connections that it does not use.
            std::thread::spawn(move || answer(stream, &root, &sender));
        }
    });
    (port, posted)
}

fn answer(mut stream: TcpStream, root: &Path, posted: &Sender<String>) {
    let (mut line, mut len) = (String::new(), 0);
    let mut reader = BufReader::new(stream.try_clone().expect("a stream"));
    if reader.read_line(&mut line).is_err() || line.is_empty() {
        return;
    }
    let mut header = String::new();
    while reader.read_line(&mut header).is_ok_and(|read| read > 2) {
        if let Some(value) = header.to_ascii_lowercase().strip_prefix("content-length:") {
            len = value.trim().parse().unwrap_or(0);
        }
        header.clear();
    }
    let path = line.split(' ').nth(1).unwrap_or("/").split('?').next().unwrap_or("/");
    let (status, body) = if line.starts_with("POST ") {
        let mut body = vec![0; len];
        if reader.read_exact(&mut body).is_ok() {
            // Who stops listening has what he wants.
            let _ = posted.send(String::from_utf8_lossy(&body).into_owned());
        }
        ("200 OK", Vec::new())
    } else if path == "/around.html" {
        ("200 OK", AROUND.as_bytes().to_vec())
    } else {
        match std::fs::read(root.join(path.trim_start_matches('/'))) {
            Ok(body) => ("200 OK", body),
            Err(_) => ("404 Not Found", Vec::new()),
        }
    };
    let kind = if path.ends_with(".html") { "text/html" } else { "application/octet-stream" };
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body));
}

/// A browser, where there is one and a module to be made for it; says so where not.
fn browser() -> Option<&'static str> {
    let found = ["chromium", "google-chrome", "chromium-browser"].into_iter().find(|it| in_path(it).is_some());
    if found.is_none() {
        println!("skipped: no chromium is installed");
    }
    found.filter(|_| can_compile("wasm32"))
}

/// What the page says of these pictures of the folder, which come to it by an `image` in its address or as a `drop`: its status, its text,
/// then the bits of each answer.
fn browse(browser: &str, folder: &Path, how: &str, pictures: &[&str]) -> Vec<String> {
    let (port, posted) = serve(folder.to_owned());
    let profile = scratch();
    let query: Vec<String> = pictures.iter().map(|picture| format!("{how}=/{picture}")).collect();
    let mut command = Command::new(browser);
    command.args(["--headless", "--no-sandbox", "--disable-gpu"]).stdout(Stdio::null()).stderr(Stdio::null());
    command.arg(format!("--user-data-dir={}", profile.path().display()));
    command.arg(format!("http://127.0.0.1:{port}/around.html?{}", query.join("&")));
    let mut child = command.spawn().expect("a browser");
    let said = posted.recv_timeout(Duration::from_secs(180));
    child.kill().expect("a browser to end");
    child.wait().expect("its end");
    said.expect("the page says something").lines().map(str::to_owned).collect()
}

#[test]
fn a_page_says_what_the_program_says() {
    let Some(browser) = browser() else { return };
    let (folder, _) = &*MODULE;
    // As they come: of another size than the network's.
    let pictures = ["00003.png", "00004.png"];
    for picture in pictures {
        std::fs::copy(SHARED.images.join(picture), folder.join(picture)).expect("a picture");
    }
    let said = browse(browser, folder, "image", &pictures);
    let mut command = Command::new(&TWO.program);
    command.args(["--json", "--scores"]).args(pictures.map(|picture| folder.join(picture)));
    let same = said[2..].join("\n") + "\n" == bits(&output(command));
    assert!(same && said[0].starts_with("00004.png: ") && said[1].contains("the features!"), "{:?}", &said[..2]);
    // What is no picture is named.
    std::fs::write(folder.join("no.png"), "no picture").expect("a file");
    let said = browse(browser, folder, "image", &["no.png"]);
    assert!(said[0].starts_with("no.png: ") && said.iter().skip(1).all(String::is_empty), "{said:?}");
}

#[test]
fn a_page_shows_the_classes_of_dropped_pictures() {
    let Some(browser) = browser() else { return };
    let folder = SHARED.model.with_file_name("classes-wasm32");
    let compile =
        bakelite(["compile", "--preprocess", "imagenet", "--name", "demo", "--target", "wasm32", "--emit", "cdylib"]);
    let compile = compile.args(["--calibration-images", "128", "--images"]).arg(DEMO.folder.join("calibration"));
    let compile = compile.arg("--evaluation").arg(DEMO.folder.join("held-out")).arg("--labels");
    compile.arg(DEMO.folder.join("labels.txt")).arg("--out").arg(&folder).arg(&SHARED.model).succeeds();
    // Drawn ones, noise of the network's own size, and of one for which the module's memory grows.
    let pictures = ["00000.png", "00001.png", "own.png", "large.png", "00002.png"];
    for picture in pictures.into_iter().filter(|picture| picture.starts_with('0')) {
        std::fs::copy(DEMO.folder.join("held-out").join(picture), folder.join(picture)).expect("a picture");
    }
    for (name, width, height) in [("own.png", 96, 96), ("large.png", 1201, 1013)] {
        let noise = noise_image(u64::from(width), (3 * width * height) as usize);
        let picture = image::RgbImage::from_raw(width, height, noise).expect("a picture");
        picture.save(folder.join(name)).expect("a file");
    }
    let said = browse(browser, &folder, "drop", &pictures);
    let mut command = Command::new(&DEMO.program);
    command.args(["--json", "--scores"]).args(pictures.map(|picture| folder.join(picture)));
    let ran = command.output().expect("it starts");
    let answers = String::from_utf8(ran.stdout).expect("text");
    assert!(said[2..].join("\n") + "\n" == bits(&answers), "{:?}", &said[..2]);
    for (picture, answer) in pictures.iter().zip(answers.lines()) {
        let answer: Value = serde_json::from_str(answer).expect("JSON");
        let classes = answer["top"].as_array().expect("classes").iter();
        let shown: String = classes
            .map(|class| {
                let label = class["label"].as_str().expect("a label");
                format!("{label}{:.1} %", 100.0 * class["score"].as_f64().expect("a number"))
            })
            .collect();
        assert!(said[1].contains(&format!("{picture}{shown}")), "{picture}: no {shown} in {}", said[1]);
    }
}

/// The runtime's own tests of kernels as a module: there is no test harness for WebAssembly without an operating system, so every
/// test becomes a function that the module exports, which traps where it would panic.
fn kernel_tests(text: &str, shared: &Path) -> String {
    let mut out = format!("#![allow(dead_code)]\n#[path = {shared:?}]\nmod shared;\n");
    let (mut names, mut marked) = (Vec::new(), false);
    for line in text.lines().filter(|line| !line.starts_with("//!") && *line != "mod shared;") {
        match line.trim_start().strip_prefix("fn ") {
            Some(rest) if marked => {
                let name = rest.split('(').next().unwrap_or_default().to_owned();
                let inside = line.starts_with(' ');
                names.push(if inside { format!("simd128::{name}") } else { name });
                let _ = writeln!(out, "pub fn {rest}");
            }
            _ if line.trim() == "#[test]" => {}
            _ => {
                let _ = writeln!(out, "{line}");
            }
        }
        marked = line.trim() == "#[test]";
    }
    for name in names {
        let exported = name.replace("::", "_");
        let _ = writeln!(out, "#[unsafe(no_mangle)]\npub extern \"C\" fn test_{exported}() {{ {name}() }}");
    }
    out
}

/// Runs all exported tests, and names those that trap.
const RUN: &str = r#"
import { readFile } from "node:fs/promises";
const { instance } = await WebAssembly.instantiate(await readFile(process.argv[2]), {});
let [passed, failed] = [0, 0];
for (const [name, test] of Object.entries(instance.exports)) {
  if (!name.startsWith("test_")) continue;
  try { test(); passed += 1; } catch (error) { failed += 1; console.log(`${name}: ${error}`); }
}
console.log(`${passed} passed, ${failed} failed`);
"#;

#[test]
fn kernels_equal_the_reference() {
    if !have("node") || !can_compile("wasm32") {
        return;
    }
    let target = Target::load("wasm32").expect("a target");
    let toolchain = toolchain::find(&target, None).expect("a toolchain");
    let runtime = Path::new(env!("CARGO_MANIFEST_DIR")).join("../runtime").canonicalize().expect("a folder");
    let folder = scratch();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).expect("a file");
    std::fs::create_dir(folder.path().join("src")).expect("a folder");
    write(
        "Cargo.toml",
        &format!(
            "[package]\nname = \"tests\"\nedition = \"2024\"\n[workspace]\n[lib]\ncrate-type = [\"cdylib\"]\n\
             [dependencies.bakelite-runtime]\npath = {runtime:?}\ndefault-features = false\nfeatures = [\"reference\"]\n\
             [profile.release]\nlto = \"off\"\n"
        ),
    );
    let tests = std::fs::read_to_string(runtime.join("tests/kernels.rs")).expect("the tests");
    write("src/lib.rs", &kernel_tests(&tests, &runtime.join("tests/shared/mod.rs")));
    write("run.mjs", RUN);
    let mut cargo = match &toolchain.name {
        Some(name) => {
            let mut rustup = Command::new("rustup");
            rustup.args(["run", name, "cargo"]);
            rustup
        }
        None => Command::new("cargo"),
    };
    cargo.args(["build", "--release", "--offline", "--quiet", "--target", &target.triple]).current_dir(folder.path());
    cargo.env("RUSTFLAGS", target.rustflags().join(" ")).env("CARGO_TARGET_DIR", folder.path().join("target"));
    let built = cargo.output().expect("cargo");
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let mut node = Command::new("node");
    node.arg(folder.path().join("run.mjs")).arg(folder.path().join("target/wasm32-unknown-unknown/release/tests.wasm"));
    let ran = node.output().expect("node");
    let said = String::from_utf8_lossy(&ran.stdout);
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    let passed = said.trim_end().strip_suffix(" passed, 0 failed").and_then(|count| count.parse::<usize>().ok());
    assert!(passed >= Some(10), "{said}");
}
