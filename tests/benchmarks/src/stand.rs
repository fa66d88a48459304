//! The test stand: real servers, on disk, with the product and the monolith on them.

use std::{
    env, fs,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use configmgt_contract::BoxError;
use configmgt_stack::{
    Nats, Output, Postgres, Process,
    databases::Database,
    port,
    product::{self, Bus, EDGE, OPERATOR, Site},
    scratch,
};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection as _};
use tokio::time::{sleep, timeout};

use crate::{
    bus_alone,
    load::{Connection, write_request},
    monolith,
    usage::{Watched, memory},
};

pub(crate) const TOKEN: &str = "a-token-for-benchmarks";

/// What starts within this time, starts.
const START: Duration = Duration::from_secs(30);

pub(crate) struct Stand {
    pub(crate) postgres: Postgres,
    pub(crate) nats: Nats,
    pub(crate) site: Site,
    pub(crate) services: Vec<Process>,
    pub(crate) edge: Process,
    /// One that writes a line for each request.
    pub(crate) logging_edge: Process,
    pub(crate) logging_address: String,
    pub(crate) monolith: Process,
    pub(crate) monolith_address: String,
}

impl Stand {
    pub(crate) async fn start() -> Result<Self, BoxError> {
        let postgres = scratch::durable_postgres()?;
        let Database { owner, accounts } = Database::on(&postgres).await?;
        let nats = scratch::durable_nats(&accounts.nats_config())?;
        let address = || port::free().map(|port| format!("127.0.0.1:{port}"));
        let site = Site {
            program: env::current_exe()?,
            accounts,
            database: owner,
            nats: Bus::Private(format!("127.0.0.1:{}", nats.port())),
            listen: address()?,
            token: TOKEN.to_owned(),
            // The monolith writes no line for each request either.
            settings: vec![("RUST_LOG".to_owned(), "warn".to_owned())],
            output: Output::File("/dev/null".into()),
        };
        let services = product::services().map(|name| site.spawn(name)).collect::<Result<_, _>>()?;
        let edge = site.spawn(EDGE)?;
        let mut connection = site.database.connect().await?;
        sqlx::raw_sql(monolith::SCHEMA).execute(&mut connection).await?;
        connection.close().await?;
        let mut logging = site.clone();
        logging.listen = address()?;
        logging.settings = vec![("RUST_LOG".to_owned(), "info".to_owned())];
        let logging_edge = logging.spawn(EDGE)?;
        let monolith_address = address()?;
        let environment = [
            ("DATABASE_URL", site.database.to_url_lossy().to_string()),
            ("LISTEN", monolith_address.clone()),
            ("TOKEN", TOKEN.to_owned()),
        ];
        let monolith = Process::spawn(monolith::NAME, &site.program, [monolith::NAME], environment, &Output::Inherit)?;
        let logging_address = logging.listen;
        let stand =
            Self { postgres, nats, site, services, edge, logging_edge, logging_address, monolith, monolith_address };
        let ready = async {
            answers(&stand.site.listen, "/readyz").await;
            answers(&stand.logging_address, "/readyz").await;
            answers(&stand.monolith_address, "/meetingrooms").await;
        };
        timeout(START, ready).await.map_err(|_| "the product or the monolith does not become ready")?;
        Ok(stand)
    }

    /// Makes `count` rooms the only ones, in the product and in the monolith.
    pub(crate) async fn fill(&self, count: u32) -> Result<(), BoxError> {
        let mut connection = self.site.database.connect().await?;
        for statement in [
            // They stand for rooms that have long been there: their creation is no news.
            "SET session_replication_role = replica".to_owned(),
            "TRUNCATE meetingroom.meetingroom, reference.room, reference.outbox, reference.journal RESTART IDENTITY"
                .to_owned(),
            // The journal remembers rooms of these ids that were there before.
            fill(
                "meetingroom.meetingroom",
                "(SELECT coalesce(max(object_version), 0) + 1 FROM meetingroom.journal)",
                count,
            ),
            fill("reference.room", "1", count),
            "VACUUM ANALYZE".to_owned(),
            "CHECKPOINT".to_owned(),
        ] {
            sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut connection).await?;
        }
        connection.close().await?;
        Ok(())
    }

    /// Makes `count` users with SIP lines the only ones, with the ids from 1 on; the login of user 7 is `user7`.
    pub(crate) async fn fill_users(&self, count: u32) -> Result<(), BoxError> {
        let mut connection = self.site.database.connect().await?;
        // The digits of a provisioning code are 1 to 8: those of the number to the base of eight, each counted up.
        let code = "111111 + i % 8 + i / 8 % 8 * 10 + i / 64 % 8 * 100 + i / 512 % 8 * 1000 \
                    + i / 4096 % 8 * 10000";
        for statement in [
            "SET session_replication_role = replica".to_owned(),
            "TRUNCATE users.users, users.line, users.login_attempt RESTART IDENTITY CASCADE".to_owned(),
            format!(
                "INSERT INTO users.users (firstname, lastname, login)
                 SELECT 'First' || i, 'Last' || i, 'user' || i FROM generate_series(1, {count}) i"
            ),
            format!(
                "INSERT INTO users.line (user_id, line_type, context, extension, site, name, line_num, provisioning_id)
                 SELECT i, 'phone', 'default', 1000 + i, 'default', 'sip' || i, 1, {code} FROM generate_series(1, {count}) i"
            ),
            "VACUUM ANALYZE".to_owned(),
        ] {
            sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut connection).await?;
        }
        connection.close().await?;
        Ok(())
    }

    /// What answers the requests of [`bus_alone`]; it ends with this value.
    pub(crate) fn echo(&self) -> Result<Process, BoxError> {
        let environment = [("NATS_URL", self.site.nats_url(OPERATOR))];
        Ok(Process::spawn(bus_alone::NAME, &self.site.program, [bus_alone::NAME], environment, &Output::Inherit)?)
    }

    /// All that works for the product.
    pub(crate) fn product(&self) -> Watched {
        let edges = Watched::default().process(&self.edge).process(&self.logging_edge);
        let watched = edges.nats(&self.nats).postgres(&self.postgres);
        self.services.iter().fold(watched, Watched::process)
    }

    /// What a request goes through, part by part.
    pub(crate) fn parts(&self) -> Result<[(&'static str, Watched); 4], BoxError> {
        Ok([
            ("edge", Watched::default().process(&self.edge)),
            ("nats-server", Watched::default().nats(&self.nats)),
            ("meetingroom", Watched::default().process(self.service("meetingroom")?)),
            ("PostgreSQL", Watched::default().postgres(&self.postgres)),
        ])
    }

    /// All that works for the monolith.
    pub(crate) fn reference(&self) -> Watched {
        Watched::default().process(&self.monolith).postgres(&self.postgres)
    }

    pub(crate) fn service(&self, name: &str) -> Result<&Process, BoxError> {
        self.services.iter().find(|service| service.name() == name).ok_or_else(|| format!("no {name}").into())
    }

    pub(crate) fn replicas(&self) -> usize {
        self.services.iter().filter(|service| service.name() == "meetingroom").count()
    }

    /// What edge and service hold of memory, as a sentence.
    pub(crate) fn memory(&self) -> Result<String, BoxError> {
        let (edge, edge_peak) = memory(self.edge.pid())?;
        let (service, service_peak) = memory(self.service("meetingroom")?.pid())?;
        Ok(format!(
            "After the run the edge holds {edge:.1} MiB of memory (at most {edge_peak:.1}), the meetingroom service {service:.1} \
             MiB (at most {service_peak:.1})."
        ))
    }

    /// What all of it runs on, as a sentence without its end.
    pub(crate) async fn described(&self) -> Result<String, BoxError> {
        let mut connection = self.site.database.connect().await?;
        let postgres: String = sqlx::query_scalar("SHOW server_version").fetch_one(&mut connection).await?;
        let cpus = fs::read_to_string("/proc/cpuinfo")?;
        let model = cpus.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or(": unknown");
        let cores = cpus.lines().filter(|line| line.starts_with("processor")).count();
        let kernel = fs::read_to_string("/proc/sys/kernel/osrelease")?;
        let nats = std::process::Command::new(scratch::tools()?.nats_server).arg("--version").output()?;
        let nats = String::from_utf8_lossy(&nats.stdout).trim().trim_start_matches("nats-server: v").to_owned();
        Ok(format!(
            "{cores} cores ({}), Linux {}, PostgreSQL {postgres}, nats-server {nats}, all on one machine over loopback",
            model.trim_start_matches([' ', '\t', ':']).trim(),
            kernel.trim()
        ))
    }

    /// Starts another instance of the meetingroom service, and waits until it takes part.
    pub(crate) async fn another_meetingroom(&mut self) -> Result<(), BoxError> {
        let listens = Arc::new(AtomicBool::new(false));
        let heard = Arc::clone(&listens);
        let mut site = self.site.clone();
        site.settings = vec![("RUST_LOG".to_owned(), "info".to_owned())];
        site.output = Output::Lines(Arc::new(move |line| {
            if line.contains("listening on the bus") {
                heard.store(true, Ordering::Relaxed);
            }
        }));
        self.services.push(site.spawn("meetingroom")?);
        let listening = async {
            while !listens.load(Ordering::Relaxed) {
                sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(START, listening).await.map_err(|_| "another meetingroom service does not become ready".into())
    }
}

fn fill(table: &str, version: &str, count: u32) -> String {
    format!(
        "INSERT INTO {table} (name, display_name, number, user_pin, version)
         SELECT 'room' || i, 'Meeting room number ' || i, 1000 + i, 1000 + i, {version} FROM generate_series(1, {count}) i"
    )
}

async fn answers(address: &str, path: &str) {
    let mut request = Vec::new();
    write_request(&mut request, "GET", path, TOKEN, "");
    loop {
        if let Ok(mut connection) = Connection::open(address).await
            && connection.ask(&request).await.is_ok()
        {
            return;
        }
        sleep(Duration::from_millis(5)).await;
    }
}
