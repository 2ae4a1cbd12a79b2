//! Rounds of timed work, and the evidence that each of them did the same.

use std::fmt::Write;
use std::time::Instant;

pub(crate) type Failure = Box<dyn std::error::Error>;

/// What is run, and how much of each kind of work a round does.
pub(crate) struct Scale {
    /// Rows whose names begin so; all of them when empty.
    pub only: String,
    pub rounds: usize,
    /// Generated depth messages.
    pub messages: u64,
    /// Operations of the mix against the matching book alone.
    pub mix_ops: usize,
    /// Operations of the mix through the whole order path.
    pub path_ops: usize,
    /// Orders placed, accepted and filled.
    pub orders: u64,
    /// Records that are each committed to the kernel.
    pub commits: usize,
    /// Records that are each brought to the disk.
    pub syncs: usize,
}

impl Scale {
    /// Whether any row of a group may be wanted: nothing is prepared for the others.
    pub(crate) fn wants(&self, group: &str) -> bool {
        self.only.starts_with(group) || group.starts_with(&self.only)
    }
}

/// What a round did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Evidence {
    /// How many of each unit of work.
    pub ops: Vec<(&'static str, u64)>,
    /// Asked for and refused.
    pub rejects: u64,
    /// Executions; none where nothing can trade.
    pub fills: Option<u64>,
    /// Digest of what it left.
    pub hash: String,
}

#[expect(clippy::disallowed_methods, reason = "a bench measures time")]
fn now() -> Instant {
    Instant::now()
}

/// Runs the rounds of a row that is wanted, and prints it. Only `work` is timed; it gives back what it worked on, so that nothing is dropped
/// inside the measurement.
pub(crate) fn row<S, T>(
    scale: &Scale,
    name: &str,
    mut prepare: impl FnMut() -> Result<S, Failure>,
    mut work: impl FnMut(S) -> Result<T, Failure>,
    mut evidence: impl FnMut(T) -> Result<Evidence, Failure>,
) -> Result<(), Failure> {
    if !name.starts_with(&scale.only) {
        return Ok(());
    }
    let mut elapsed_ns = Vec::new();
    let mut seen: Option<Evidence> = None;
    for _ in 0..scale.rounds {
        let prepared = prepare()?;
        let start = now();
        let done = work(prepared)?;
        elapsed_ns.push(start.elapsed().as_nanos());
        let found = evidence(done)?;
        if let Some(before) = seen.replace(found.clone())
            && before != found
        {
            return Err(format!("{name}: two rounds of the same work differ: {before:?} and {found:?}").into());
        }
    }
    let evidence = seen.ok_or("a row needs a round")?;
    println!("{}", json(name, &elapsed_ns, &evidence)?);
    Ok(())
}

fn json(name: &str, elapsed_ns: &[u128], evidence: &Evidence) -> Result<String, Failure> {
    let mut line = format!("{{\"name\":\"{name}\",\"elapsed_ns\":{elapsed_ns:?},\"ops\":{{");
    for (at, (unit, count)) in evidence.ops.iter().enumerate() {
        let comma = if at == 0 { "" } else { "," };
        write!(line, "{comma}\"{unit}\":{count}")?;
    }
    let fills = evidence.fills.map_or_else(|| "null".into(), |fills| fills.to_string());
    write!(line, "}},\"rejects\":{},\"fills\":{fills},\"hash\":\"{}\"}}", evidence.rejects, evidence.hash)?;
    Ok(line)
}
