//! A way to a server whose connections can fall silent, as they do when the server's machine loses its power: nothing comes any more,
//! and nothing says so.

use configmgt_stack::databases::Database;
use sqlx::postgres::PgConnectOptions;
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::watch,
};

pub(crate) struct Proxy {
    port: u16,
    silence: watch::Sender<()>,
}

impl Proxy {
    /// In front of the database's server.
    pub(crate) async fn before(database: &Database) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (port, server) = (listener.local_addr().unwrap().port(), database.owner.get_port());
        let (silence, silent) = watch::channel(());
        tokio::spawn(async move {
            loop {
                let (client, _) = listener.accept().await.unwrap();
                tokio::spawn(connect(client, server, silent.clone()));
            }
        });
        Self { port, silence }
    }

    /// The same way through this proxy.
    pub(crate) fn through(&self, options: PgConnectOptions) -> PgConnectOptions {
        options.host("127.0.0.1").port(self.port)
    }

    /// From now on nothing comes over the connections that there are. New ones are as good as ever.
    pub(crate) fn fall_silent(&self) {
        self.silence.send_replace(());
    }
}

async fn connect(mut client: TcpStream, server: u16, mut silent: watch::Receiver<()>) {
    silent.mark_unchanged();
    let mut server = TcpStream::connect(("127.0.0.1", server)).await.unwrap();
    tokio::select! {
        _ = copy_bidirectional(&mut client, &mut server) => {}
        // Both stay open.
        _ = silent.changed() => std::future::pending().await,
    }
}
