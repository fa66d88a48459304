//! What processes use, as the kernel counts it.

use std::{fs, time::Duration};

use configmgt_contract::BoxError;
use configmgt_stack::{Nats, Postgres, Process};

/// The processes whose use of the processors is counted together.
#[derive(Default, Clone)]
pub(crate) struct Watched {
    pids: Vec<u32>,
    /// Their children count too, also those that have ended.
    parents: Vec<u32>,
}

/// Processor time used.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Usage(Duration);

/// The kernel counts in hundredths of a second.
const TICK: Duration = Duration::from_millis(10);

impl Watched {
    pub(crate) fn process(mut self, process: &Process) -> Self {
        self.pids.push(process.pid());
        self
    }

    pub(crate) fn nats(mut self, nats: &Nats) -> Self {
        self.pids.push(nats.pid());
        self
    }

    pub(crate) fn postgres(mut self, postgres: &Postgres) -> Self {
        self.parents.push(postgres.pid());
        self
    }

    pub(crate) fn usage(&self) -> Result<Usage, BoxError> {
        let mut ticks = 0;
        for pid in &self.pids {
            ticks += Stat::of(*pid)?.own;
        }
        for parent in &self.parents {
            let stat = Stat::of(*parent)?;
            ticks += stat.own + stat.ended_children;
            let children = fs::read_to_string(format!("/proc/{parent}/task/{parent}/children"))?;
            for child in children.split_whitespace() {
                // One that has just ended counts with its parent.
                ticks += Stat::of(child.parse()?).map_or(0, |stat| stat.own);
            }
        }
        Ok(Usage(TICK * ticks))
    }
}

impl Usage {
    pub(crate) fn since(self, earlier: &Self) -> Self {
        Self(self.0.saturating_sub(earlier.0))
    }

    pub(crate) fn micros(self) -> f64 {
        self.0.as_secs_f64() * 1_000_000.0
    }
}

struct Stat {
    own: u32,
    ended_children: u32,
}

impl Stat {
    fn of(pid: u32) -> Result<Self, BoxError> {
        let text = fs::read_to_string(format!("/proc/{pid}/stat"))?;
        // The program's name, in parentheses, may hold spaces.
        let fields: Vec<&str> = text.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        let field = |number: usize| fields.get(number - 3).unwrap_or(&"").parse::<u32>();
        Ok(Self { own: field(14)? + field(15)?, ended_children: field(16)? + field(17)? })
    }
}

/// The resident memory of a process, in MiB: at present, and the most that it has ever been.
pub(crate) fn memory(pid: u32) -> Result<(f64, f64), BoxError> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let mib = |name: &str| -> Result<f64, BoxError> {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).ok_or("no memory in the status")?;
        Ok(line.trim().trim_end_matches(" kB").parse::<f64>()? / 1024.0)
    };
    Ok((mib("VmRSS:")?, mib("VmHWM:")?))
}
