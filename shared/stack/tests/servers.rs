//! Real servers, really started. The first run installs them, under the same home as everything else in the workspace.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::env;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use configmgt_stack::scratch::{self, TestServers};
use configmgt_stack::{Error, Nats, NatsOptions, Output, Postgres, PostgresOptions, Process, Tools};

/// Set for the copy of this test binary that starts servers and is then killed.
const VICTIM_DIR: &str = "CONFIGMGT_STACK_VICTIM_DIR";

/// A folder of the test's own, removed at its end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let path = env::temp_dir().join(format!("configmgt-stack-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    fn postgres(&self) -> PostgresOptions {
        PostgresOptions { dir: self.0.join("postgres"), durable: true }
    }

    fn nats(&self) -> NatsOptions {
        NatsOptions { dir: self.0.join("nats"), durable: true, config: String::new() }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let removed = fs::remove_dir_all(&self.0);
        // A failed test has more to say than this.
        assert!(removed.is_ok() || thread::panicking(), "{removed:?}");
    }
}

fn tools() -> Tools {
    scratch::tools().unwrap()
}

/// What psql prints for a statement, or its complaint.
fn query(url: &str, sql: &str) -> Result<String, String> {
    let output = Command::new(tools().postgres_bin.join("psql"))
        .args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", url, "-c", sql])
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
}

/// Talks the NATS protocol: what the server says after the greeting, up to the answer to a ping.
fn nats_says(nats: &Nats, commands: &str) -> Vec<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", nats.port())).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    write!(stream, "CONNECT {{\"verbose\":false}}\r\n{commands}PING\r\n").unwrap();
    let mut said = Vec::new();
    for line in BufReader::new(stream).lines().skip(1) {
        let line = line.unwrap();
        if line == "PONG" {
            break;
        }
        said.push(line);
    }
    said
}

/// The answer to one request to JetStream.
fn jetstream(nats: &Nats, subject: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", nats.port())).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    let length = body.len();
    write!(stream, "CONNECT {{\"verbose\":false}}\r\nSUB answer 1\r\nPUB {subject} answer {length}\r\n{body}\r\n")
        .unwrap();
    let mut lines = BufReader::new(stream).lines();
    lines.find(|line| line.as_ref().unwrap().starts_with("MSG answer")).unwrap().unwrap();
    lines.next().unwrap().unwrap()
}

/// Runs `victim` until its servers are ready: the process, and the ids of its PostgreSQL, NATS and scratch NATS.
fn start_victim(folder: &Folder) -> (Child, [u32; 3]) {
    let temporary = folder.0.join("temporary");
    fs::create_dir(&temporary).unwrap();
    let mut victim = Command::new(env::current_exe().unwrap())
        .args(["--exact", "victim", "--nocapture", "--test-threads=1"])
        .env(VICTIM_DIR, &folder.0)
        .env("TMPDIR", &temporary)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(victim.stdout.take().unwrap()).lines().map(Result::unwrap);
    let ready = said.find(|line| line.starts_with("ready ")).unwrap();
    let pids: Vec<u32> = ready.split(' ').skip(1).map(|pid| pid.parse().unwrap()).collect();
    (victim, pids.try_into().unwrap())
}

fn kill(pid: u32) {
    let killed = Command::new("/bin/sh").args(["-c", &format!("kill -9 {pid}")]).status().unwrap();
    assert!(killed.success());
}

fn is_alive(pid: u32) -> bool {
    fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| !line.is_empty())
}

fn eventually(what: &str, holds: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !holds() {
        assert!(Instant::now() < deadline, "not in half a minute: {what}");
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn both_servers_start_and_answer() {
    let servers = TestServers::start().unwrap();
    assert_eq!(query(&servers.postgres.url("postgres"), "select 1 + 1"), Ok("2".to_owned()));
    assert_eq!(
        nats_says(&servers.nats, "SUB greetings 1\r\nPUB greetings 5\r\nhello\r\n"),
        ["MSG greetings 1 5", "hello"]
    );
    assert!(jetstream(&servers.nats, "$JS.API.INFO", "").contains("io.nats.jetstream.api.v1.account_info_response"));
}

#[test]
fn postgres_has_the_promised_settings() {
    let postgres = scratch::postgres().unwrap();
    let settings = "select string_agg(name || '=' || setting, ' ' order by name) from pg_settings where name in
        ('fsync', 'listen_addresses', 'max_connections', 'server_encoding', 'TimeZone', 'unix_socket_directories')";
    let promised = "TimeZone=UTC fsync=off listen_addresses=127.0.0.1 max_connections=200 server_encoding=UTF8 \
                    unix_socket_directories=";
    assert_eq!(query(&postgres.url("postgres"), settings), Ok(promised.to_owned()));
}

#[test]
fn postgres_refuses_a_wrong_password() {
    let postgres = scratch::postgres().unwrap();
    let wrong = format!("postgres://postgres:wrong@127.0.0.1:{}/postgres", postgres.port());
    assert!(query(&wrong, "select 1").unwrap_err().contains("password authentication failed"));
}

#[test]
fn scratch_folders_disappear_with_their_servers() {
    let postgres = scratch::postgres().unwrap();
    let data = PathBuf::from(query(&postgres.url("postgres"), "show data_directory").unwrap());
    let pid = postgres.pid();
    assert!(data.exists());
    drop(postgres);
    assert!(!data.parent().unwrap().exists());
    assert!(!is_alive(pid));
}

#[test]
fn a_second_start_keeps_data_port_and_password() {
    let folder = Folder::new("second");
    let first = Postgres::start(&tools(), folder.postgres()).unwrap();
    let url = first.url("postgres");
    query(&url, "create table kept as select 42 as answer").unwrap();
    drop(first);
    let nats = Nats::start(&tools(), folder.nats()).unwrap();
    let nats_port = nats.port();
    let stream = r#"{"name":"kept","subjects":["kept"]}"#;
    assert!(!jetstream(&nats, "$JS.API.STREAM.CREATE.kept", stream).contains("error"));
    drop(nats);

    let begun = Instant::now();
    let second = Postgres::start(&tools(), folder.postgres()).unwrap();
    let nats = Nats::start(&tools(), folder.nats()).unwrap();
    println!("second start of both: {:?}", begun.elapsed());
    assert_eq!(second.url("postgres"), url);
    assert_eq!(query(&url, "select answer from kept"), Ok("42".to_owned()));
    assert_eq!(query(&url, "show fsync"), Ok("on".to_owned()));
    assert_eq!(nats.port(), nats_port);
    assert!(jetstream(&nats, "$JS.API.STREAM.NAMES", "").contains(r#""streams":["kept"]"#));
}

#[test]
fn the_password_is_readable_to_its_owner_only() {
    let folder = Folder::new("password");
    let postgres = Postgres::start(&tools(), folder.postgres()).unwrap();
    let mode = fs::metadata(folder.0.join("postgres/password")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let debug = format!("{postgres:?}");
    let password = fs::read_to_string(folder.0.join("postgres/password")).unwrap();
    assert!(!debug.contains(password.trim()));
}

#[test]
fn stopped_and_killed_servers_come_back_on_the_same_port_with_their_data() {
    let TestServers { postgres, nats } = TestServers::start().unwrap();
    let url = postgres.url("postgres");
    let nats_url = nats.url();
    query(&url, "create table kept as select 42 as answer").unwrap();

    postgres.stop().unwrap();
    nats.stop().unwrap();
    assert!(!postgres.is_running() && !nats.is_running());
    assert!(query(&url, "select 1").is_err());
    postgres.restart().unwrap();
    nats.restart().unwrap();
    assert_eq!(query(&url, "select answer from kept"), Ok("42".to_owned()));

    let (postgres_pid, nats_pid) = (postgres.pid(), nats.pid());
    postgres.kill().unwrap();
    nats.kill().unwrap();
    assert!(!is_alive(postgres_pid) && !is_alive(nats_pid));
    postgres.restart().unwrap();
    nats.restart().unwrap();
    assert_eq!(query(&url, "select answer from kept"), Ok("42".to_owned()));
    assert_eq!((postgres.url("postgres"), nats.url()), (url, nats_url));
}

#[test]
fn a_paused_nats_answers_again_once_resumed() {
    let nats = scratch::nats("").unwrap();
    nats.pause().unwrap();
    let mut stream = TcpStream::connect(("127.0.0.1", nats.port())).unwrap();
    stream.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    write!(stream, "PING\r\n").unwrap();
    assert!(BufReader::new(&stream).lines().next().unwrap().is_err());
    nats.resume().unwrap();
    assert!(nats_says(&nats, "").is_empty());
}

#[test]
fn configuration_of_the_caller_is_applied() {
    let nats = scratch::nats("authorization { users = [ { user: edge, password: secret } ] }").unwrap();
    let stream = TcpStream::connect(("127.0.0.1", nats.port())).unwrap();
    let greeting = BufReader::new(stream).lines().next().unwrap().unwrap();
    assert!(greeting.contains(r#""auth_required":true"#), "{greeting}");
}

#[test]
fn a_configuration_error_is_told_with_the_servers_own_words() {
    let Err(Error::Failed { log, .. }) = scratch::nats("no_such_setting: 1") else { panic!("it started") };
    assert!(log.contains("no_such_setting"), "{log}");
}

#[test]
fn parallel_starts_do_not_collide() {
    let starting: Vec<_> = (0..3).map(|_| thread::spawn(|| TestServers::start().unwrap())).collect();
    let servers: Vec<TestServers> = starting.into_iter().map(|start| start.join().unwrap()).collect();
    for (number, pair) in servers.iter().enumerate() {
        query(&pair.postgres.url("postgres"), &format!("create table t as select {number} as n")).unwrap();
    }
    for (number, pair) in servers.iter().enumerate() {
        assert_eq!(query(&pair.postgres.url("postgres"), "select n from t"), Ok(number.to_string()));
    }
    let mut ports: Vec<u16> = servers.iter().flat_map(|pair| [pair.postgres.port(), pair.nats.port()]).collect();
    ports.sort_unstable();
    ports.dedup();
    assert_eq!(ports.len(), 6);
}

#[test]
fn a_folder_in_use_is_refused() {
    let folder = Folder::new("in-use");
    let nats = Nats::start(&tools(), folder.nats()).unwrap();
    assert!(matches!(Nats::start(&tools(), folder.nats()), Err(Error::InUse { .. })));
    assert!(nats.is_running());
}

#[test]
fn data_of_another_major_version_is_refused() {
    let folder = Folder::new("major");
    let data = folder.0.join("postgres/data");
    fs::create_dir_all(&data).unwrap();
    fs::write(data.join("PG_VERSION"), "11\n").unwrap();
    let refused = Postgres::start(&tools(), folder.postgres());
    assert!(matches!(refused, Err(Error::OtherMajor { found, .. }) if found == "11"));
}

#[test]
fn a_taken_port_is_exchanged_for_another() {
    let folder = Folder::new("taken");
    let first = Nats::start(&tools(), folder.nats()).unwrap();
    let port = first.port();
    drop(first);
    let _squatter = std::net::TcpListener::bind(("127.0.0.1", port)).unwrap();
    let second = Nats::start(&tools(), folder.nats()).unwrap();
    assert_ne!(second.port(), port);
}

/// Not a test of its own: the body of the process that the next test kills.
#[test]
fn victim() {
    let Some(dir) = env::var_os(VICTIM_DIR) else { return };
    let folder = Folder(dir.into());
    let postgres = Postgres::start(&tools(), folder.postgres()).unwrap();
    let nats = Nats::start(&tools(), folder.nats()).unwrap();
    let scratch = scratch::nats("").unwrap();
    println!("\nready {} {} {}", postgres.pid(), nats.pid(), scratch.pid());
    thread::park();
}

#[test]
fn nothing_outlives_a_killed_process_and_the_next_start_works() {
    let folder = Folder::new("killed");
    let (mut victim, pids) = start_victim(&folder);
    assert!(pids.iter().all(|pid| is_alive(*pid)));

    victim.kill().unwrap();
    victim.wait().unwrap();
    // At once: the guards of the killed process may still be at work.
    let postgres = Postgres::start(&tools(), folder.postgres()).unwrap();
    let nats = Nats::start(&tools(), folder.nats()).unwrap();
    eventually("the servers of the killed process are gone", || !pids.iter().any(|pid| is_alive(*pid)));
    eventually("the scratch folder of the killed process is gone", || {
        fs::read_dir(folder.0.join("temporary")).unwrap().next().is_none()
    });
    assert_eq!(query(&postgres.url("postgres"), "select 1"), Ok("1".to_owned()));
    assert!(nats_says(&nats, "").is_empty());
}

#[test]
fn a_server_without_guard_or_owner_does_not_block_the_next_start() {
    let folder = Folder::new("orphan");
    let (mut victim, pids) = start_victim(&folder);
    // The guards first, so that the servers really are left over.
    for guard in children_named(victim.id(), "configmgt-guard").into_iter().chain([victim.id()]) {
        kill(guard);
    }
    victim.wait().unwrap();
    assert!(is_alive(pids[0]) && is_alive(pids[1]));

    let postgres = Postgres::start(&tools(), folder.postgres()).unwrap();
    let nats = Nats::start(&tools(), folder.nats()).unwrap();
    assert!(!is_alive(pids[0]) && !is_alive(pids[1]));
    assert_eq!(query(&postgres.url("postgres"), "select 1"), Ok("1".to_owned()));
    assert!(nats_says(&nats, "").is_empty());
    // The temporary one has nobody left to stop it.
    kill(pids[2]);
}

fn children_named(parent: u32, argument: &str) -> Vec<u32> {
    let status = |pid: u32| fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let arguments = |pid: u32| fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| entry.unwrap().file_name().to_str()?.parse().ok())
        .filter(|pid| status(*pid).contains(&format!("PPid:\t{parent}\n")))
        .filter(|pid| arguments(*pid).split('\0').any(|part| part == argument))
        .collect()
}

#[test]
fn located_tools_are_found_again_in_no_time() {
    tools();
    let begun = Instant::now();
    let again = Tools::locate(&configmgt_stack::home(), &|line| panic!("{line}")).unwrap();
    assert_eq!(again, tools());
    assert!(begun.elapsed() < Duration::from_millis(100));
}

#[test]
fn the_output_of_a_process_arrives_line_by_line() {
    let (sender, lines) = mpsc::channel();
    let sink = Output::Lines(Arc::new(move |line: &str| sender.send(line.to_owned()).unwrap()));
    let process = shell("echo $GREETING; echo $CONFIGMGT_STOP_WITH_STDIN >&2", &sink);
    assert!(process.wait_for(Duration::from_secs(10)).unwrap().success());
    let mut said: Vec<String> = lines.iter().take(2).collect();
    said.sort_unstable();
    assert_eq!(said, ["1", "hello"]);
}

#[tokio::test]
async fn a_process_ends_when_its_input_does_or_by_signal() {
    let waits_for_input = shell("cat; exit 7", &Output::Inherit);
    assert!(waits_for_input.is_running());
    waits_for_input.close_stdin();
    assert_eq!(waits_for_input.wait().await.code(), Some(7));
    assert!(!waits_for_input.is_running());
    waits_for_input.terminate().unwrap();

    let terminated = shell("exec sleep 600", &Output::Inherit);
    terminated.terminate().unwrap();
    assert_eq!(terminated.wait().await.signal(), Some(15));

    let stubborn = shell("trap '' TERM; read -r line", &Output::Inherit);
    stubborn.kill().unwrap();
    assert_eq!(stubborn.wait().await.signal(), Some(9));
}

#[test]
fn the_output_of_a_process_can_go_to_a_file() {
    let folder = Folder::new("output");
    let file = folder.0.join("log");
    for _ in 0..2 {
        let process = shell("echo $GREETING; echo again >&2", &Output::File(file.clone()));
        assert!(process.wait_for(Duration::from_secs(10)).unwrap().success());
    }
    assert_eq!(fs::read_to_string(&file).unwrap(), "hello\nagain\nhello\nagain\n");
}

fn shell(script: &str, output: &Output) -> Process {
    Process::spawn("shell", Path::new("/bin/sh"), ["-c", script], [("GREETING", "hello")], output).unwrap()
}
