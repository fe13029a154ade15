//! Services of iceoryx2, three pairs of ports for each worker: the part is copied to memory
//! that the worker has mapped already, and an event says that it is there.
//!
//! ```text
//! cargo run --release -p transports --bin by-iceoryx2
//! ```

use std::process::{Child, ExitCode};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use bytes::Bytes;
use clap::Parser;
use iceoryx2::port::listener::Listener;
use iceoryx2::port::notifier::Notifier;
use iceoryx2::port::publisher::Publisher;
use iceoryx2::port::subscriber::Subscriber;
use iceoryx2::prelude::*;
use iceoryx2::service::port_factory::{event, publish_subscribe};
use records::Record;
use transports::PARTS;
use transports::contender::Task;
use transports::workers::{feed, this_program};

/// What records are made of: a type that iceoryx2 knows.
type Word = u64;

/// Beyond this something is wrong: nothing here waits for as long.
const PATIENCE: Duration = Duration::from_secs(60);

/// The worker is there, or a part or its sum has been published.
const NEWS: usize = 0;

/// No part will come any more.
const END: usize = 1;

fn main() -> ExitCode {
    set_log_level(LogLevel::Error);
    command_line::run(|arguments: Arguments| match arguments.worker {
        Some(service) => serve(&service),
        None => {
            let most = arguments.task.records.div_ceil(PARTS) * size_of::<Record>();
            let start = |number| Worker::start(number, most / size_of::<Word>());
            let sums = |records: &_| feed(records, start, Worker::sum, Worker::end);
            arguments.task.measure(sums)
        }
    })
}

/// Sums the parts that come through iceoryx2
#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    task: Task,

    #[arg(long, hide = true)]
    worker: Option<String>,
}

/// The services of one worker. The one that opens them first makes them.
struct Services {
    parts: publish_subscribe::PortFactory<ipc::Service, [Word], ()>,
    sums: publish_subscribe::PortFactory<ipc::Service, f64, ()>,
    to_worker: event::PortFactory<ipc::Service>,
    to_parent: event::PortFactory<ipc::Service>,
}

impl Services {
    fn open(node: &Node<ipc::Service>, name: &str) -> Result<Self> {
        let builder = |what: &str| {
            let name = ServiceName::new(&format!("{name}/{what}"))?;
            anyhow::Ok(node.service_builder(&name))
        };
        Ok(Self {
            // Room for one part at a time, as the worker has one at a time.
            parts: builder("parts")?
                .publish_subscribe::<[Word]>()
                .max_publishers(1)
                .max_subscribers(1)
                .subscriber_max_buffer_size(1)
                .subscriber_max_borrowed_samples(1)
                .history_size(0)
                .open_or_create()?,
            sums: builder("sums")?
                .publish_subscribe::<f64>()
                .open_or_create()?,
            to_worker: builder("to-worker")?.event().open_or_create()?,
            to_parent: builder("to-parent")?.event().open_or_create()?,
        })
    }
}

struct Worker {
    parts: Publisher<ipc::Service, [Word], ()>,
    to_worker: Notifier<ipc::Service>,
    sums: Subscriber<ipc::Service, f64, ()>,
    to_parent: Listener<ipc::Service>,
    process: Child,
    /// Which the ports belong to.
    _node: Node<ipc::Service>,
}

impl Worker {
    fn start(number: usize, most_words: usize) -> Result<Self> {
        let name = format!("transports/{}/{number}", std::process::id());
        let node = NodeBuilder::new().create::<ipc::Service>()?;
        let services = Services::open(&node, &name)?;
        let parts = services.parts.publisher_builder();
        let worker = Self {
            parts: parts
                .initial_max_slice_len(most_words)
                .max_loaned_samples(1)
                .create()?,
            to_worker: services.to_worker.notifier_builder().create()?,
            sums: services.sums.subscriber_builder().create()?,
            to_parent: services.to_parent.listener_builder().create()?,
            process: this_program(&name)?.spawn()?,
            _node: node,
        };
        expect_news(&worker.to_parent)?;
        Ok(worker)
    }

    fn sum(&mut self, part: Bytes) -> Result<f64> {
        let words: &[Word] = bytemuck::cast_slice(&part);
        let part = self.parts.loan_slice_uninit(words.len())?;
        part.write_from_slice(words).send()?;
        self.to_worker
            .notify_with_custom_event_id(EventId::new(NEWS))?;
        expect_news(&self.to_parent)?;
        let sum = self.sums.receive()?.context("expected a sum")?;
        Ok(*sum)
    }

    fn end(mut self) -> Result<()> {
        self.to_worker
            .notify_with_custom_event_id(EventId::new(END))?;
        ensure!(self.process.wait()?.success(), "the worker failed");
        Ok(())
    }
}

fn serve(name: &str) -> Result<()> {
    let node = NodeBuilder::new().create::<ipc::Service>()?;
    let services = Services::open(&node, name)?;
    let parts = services.parts.subscriber_builder().create()?;
    let to_worker = services.to_worker.listener_builder().create()?;
    let sums = services.sums.publisher_builder().create()?;
    let to_parent = services.to_parent.notifier_builder().create()?;
    to_parent.notify_with_custom_event_id(EventId::new(NEWS))?;
    while wait(&to_worker)? == NEWS {
        let part = parts.receive()?.context("expected a part")?;
        let sum = transports::sum(bytemuck::cast_slice(part.payload()))?;
        // Its memory is the next part's.
        drop(part);
        sums.send_copy(sum)?;
        to_parent.notify_with_custom_event_id(EventId::new(NEWS))?;
    }
    Ok(())
}

fn expect_news(listener: &Listener<ipc::Service>) -> Result<()> {
    ensure!(wait(listener)? == NEWS, "expected a sum");
    Ok(())
}

/// Sleeps until there is an event, and says which.
fn wait(listener: &Listener<ipc::Service>) -> Result<usize> {
    let mut found = None;
    listener.timed_wait(|event| found = Some(event.id.as_value()), PATIENCE)?;
    match found {
        Some(event) => Ok(event),
        None => bail!("expected an event within {} s", PATIENCE.as_secs()),
    }
}
