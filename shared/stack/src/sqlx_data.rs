//! `sqlx-data`: makes the offline data of the checked queries anew, from a scratch PostgreSQL with all migrations. With
//! `--check` it writes nothing and fails where the committed data differs.

use std::{
    collections::BTreeMap,
    env,
    ffi::OsString,
    fs, io,
    path::Path,
    process::{Command, ExitCode},
};

use configmgt_contract::{BoxError, chain};
use configmgt_stack::{databases::Database, product};
use sqlx::ConnectOptions;

/// The files of a service's data, by name.
type Data = BTreeMap<OsString, Vec<u8>>;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("sqlx-data: {}", chain(error.as_ref()));
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), BoxError> {
    let only_check = match env::args().skip(1).collect::<Vec<_>>().as_slice() {
        [] => false,
        [argument] if argument == "--check" => true,
        _ => return Err("the only argument is --check".into()),
    };
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let database = runtime.block_on(Database::create())?;
    let mut differing = Vec::new();
    for service in product::services() {
        let home = workspace.join("services").join(service);
        if !home.join("src/store.rs").exists() && !home.join("src/store").exists() {
            continue;
        }
        let kept = home.join(".sqlx");
        let data = make(&workspace, service, &database)?;
        if data == read(&kept)? {
            println!("{service}: the data of {} queries is right", data.len());
        } else if only_check {
            differing.push(service);
        } else {
            replace(&kept, &data)?;
            println!("{service}: the data of {} queries is written", data.len());
        }
    }
    if differing.is_empty() {
        return Ok(());
    }
    let services = differing.join(", ");
    Err(format!("the offline data of {services} is out of date: run `cargo run -p configmgt-stack --bin sqlx-data`")
        .into())
}

/// Compiles a service against the database: the query macros write their data while they are expanded.
fn make(workspace: &Path, service: &str, database: &Database) -> Result<Data, BoxError> {
    // A target folder of its own, so that neither build makes the other compile again.
    let target = workspace.join("target/sqlx-data");
    let package = format!("configmgt-{service}");
    // Only what is compiled is expanded.
    cargo(workspace, "clean", &package, &target, [])?;
    let fresh = target.join("queries").join(service);
    empty(&fresh)?;
    let url = database.of_service(service).to_url_lossy().to_string();
    let settings = [
        ("SQLX_OFFLINE", OsString::from("false")),
        ("SQLX_OFFLINE_DIR", fresh.clone().into()),
        ("DATABASE_URL", url.into()),
    ];
    cargo(workspace, "check", &package, &target, settings)?;
    Ok(read(&fresh)?)
}

fn cargo<const N: usize>(
    workspace: &Path,
    command: &str,
    package: &str,
    target: &Path,
    settings: [(&str, OsString); N],
) -> Result<(), BoxError> {
    let status = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args([command, "--locked", "--package", package, "--target-dir"])
        .arg(target)
        .envs(settings)
        .current_dir(workspace)
        .status()?;
    if status.success() { Ok(()) } else { Err(format!("cargo {command} of {package} failed ({status})").into()) }
}

/// A folder that does not exist holds nothing.
fn read(folder: &Path) -> io::Result<Data> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Data::new()),
        Err(error) => return Err(error),
    };
    entries
        .map(|entry| {
            let entry = entry?;
            Ok((entry.file_name(), fs::read(entry.path())?))
        })
        .collect()
}

/// Whole, so that a deleted query leaves nothing behind.
fn replace(folder: &Path, data: &Data) -> io::Result<()> {
    empty(folder)?;
    data.iter().try_for_each(|(name, content)| fs::write(folder.join(name), content))
}

fn empty(folder: &Path) -> io::Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    fs::create_dir_all(folder)
}
