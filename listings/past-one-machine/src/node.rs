//! The two kinds of process that a cluster has: the scheduler, which knows the query, and the
//! executors, which know a part of it each.

use std::fmt;
use std::io::{ErrorKind, Read};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use async_trait::async_trait;
use ballista_core::JobId;
use ballista_core::config::TaskSchedulingPolicy;
use ballista_core::serde::protobuf::{
    RuntimeStatsReport, ShuffleWritePartition, TaskColumnStats, WindowStateReport,
};
use ballista_executor::execution_engine::{
    DefaultExecutionEngine, ExecutionEngine, QueryStageExecutor,
};
use ballista_executor::executor_process::{ExecutorProcessConfig, start_executor_process};
use ballista_executor::health::ExecutorHealth;
use ballista_scheduler::cluster::BallistaCluster;
use ballista_scheduler::config::{SchedulerConfig, TaskDistributionPolicy};
use ballista_scheduler::scheduler_process::{create_scheduler, start_grpc_service_with_listener};
use clap::Args;
use datafusion::error::Result as QueryResult;
use datafusion::execution::TaskContext;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::metrics::MetricsSet;
use datafusion::prelude::SessionConfig;
use datafusion_proto::protobuf::{LogicalPlanNode, PhysicalPlanNode};
use log::{LevelFilter, Log, Metadata};
use mem_trace::{set_name, trace};

use crate::error::{Error, Result};

/// A scheduler's arguments.
#[derive(Debug, Clone, Args)]
pub struct SchedulerArguments {
    /// The address to listen at; port 0 is any free one
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:50050")]
    pub listen: SocketAddr,

    /// Seconds without a heartbeat after which an executor counts as dead
    #[arg(long, value_name = "SECONDS", default_value = "180")]
    pub patience: u64,

    /// Have executors ask for tasks, in place of being sent them; the same for the whole cluster
    #[arg(long)]
    pub pull: bool,

    /// End once standard input does, as when the process at its other end dies
    #[arg(long)]
    pub tied: bool,
}

/// An executor's arguments.
#[derive(Debug, Clone, Args)]
pub struct ExecutorArguments {
    /// The scheduler to work for
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:50050")]
    pub scheduler: String,

    /// Its name, unique among the scheduler's executors
    #[arg(long, value_name = "NAME", default_value = "executor-1")]
    pub name: String,

    /// The address at which this machine is reached by the others
    #[arg(long, value_name = "IP", default_value = "127.0.0.1")]
    pub host: String,

    /// Tasks that it has under way at a time
    #[arg(long, value_name = "N", default_value = "1", value_parser = command_line::count::<1024>)]
    pub cores: usize,

    /// Seconds between two heartbeats, where it is sent its tasks
    #[arg(long, value_name = "SECONDS", default_value = "60")]
    pub heartbeat: u64,

    /// Where its parts of the answers lie until they are fetched [default: a temporary folder]
    #[arg(long, value_name = "DIR")]
    pub work_dir: Option<String>,

    /// Have executors ask for tasks, in place of being sent them; the same for the whole cluster
    #[arg(long)]
    pub pull: bool,

    /// End once standard input does, as when the process at its other end dies
    #[arg(long)]
    pub tied: bool,
}

// ANCHOR: scheduler
/// Serves as a scheduler, for ever or for as long as it is tied to another process.
///
/// # Errors
///
/// [`Error::PortInUse`], or where the service cannot be started.
pub async fn scheduler(arguments: SchedulerArguments) -> Result<()> {
    set_name("scheduler");
    say_what_is_logged();
    let listener = listen_at(arguments.listen)?;
    let address = listener
        .local_addr()
        .map_err(Error::io("ask", "the listener"))?;
    let config = Arc::new(SchedulerConfig {
        bind_host: address.ip().to_string(),
        external_host: address.ip().to_string(),
        bind_port: address.port(),
        scheduling_policy: policy(arguments.pull),
        task_distribution: TaskDistributionPolicy::RoundRobin,
        executor_timeout_seconds: arguments.patience,
        expire_dead_executor_interval_seconds: 1,
        no_executors_grace_period_seconds: arguments.patience,
        ..SchedulerConfig::default()
    });
    let cluster = BallistaCluster::new_from_config(&config)
        .await
        .map_err(Error::Node)?;
    let server = create_scheduler::<LogicalPlanNode, PhysicalPlanNode>(cluster, config);
    let server = server.await.map_err(Error::Node)?;
    listener
        .set_nonblocking(true)
        .map_err(Error::io("ready", "the listener"))?;
    let listener =
        tokio::net::TcpListener::from_std(listener).map_err(Error::io("ready", "the listener"))?;
    trace!("Listening at {address}.");
    tokio::select! {
        served = start_grpc_service_with_listener(listener, server) => served.map_err(Error::Node),
        () = end_of_input(arguments.tied) => Ok(()),
    }
}
// ANCHOR_END: scheduler

// ANCHOR: executor
/// Serves as an executor, for ever or for as long as it is tied to another process.
///
/// # Errors
///
/// [`Error::NoScheduler`], or where the service cannot be started.
pub async fn executor(arguments: ExecutorArguments) -> Result<()> {
    set_name(arguments.name.clone());
    say_what_is_logged();
    let no_scheduler = || Error::NoScheduler(arguments.scheduler.clone());
    let (host, scheduler_port) = arguments
        .scheduler
        .rsplit_once(':')
        .ok_or_else(no_scheduler)?;
    let folder = tempfile::tempdir().map_err(Error::io("create", "a temporary folder"))?;
    let work_dir = arguments
        .work_dir
        .unwrap_or_else(|| folder.path().display().to_string());
    let health = ExecutorHealth::new();
    let [port, grpc_port] = free_ports(&arguments.host)?;
    let config = ExecutorProcessConfig {
        executor_id: arguments.name,
        bind_host: arguments.host.clone(),
        external_host: Some(arguments.host.clone()),
        port,
        grpc_port,
        scheduler_host: host.to_owned(),
        scheduler_port: scheduler_port.parse().map_err(|_| no_scheduler())?,
        vcores: arguments.cores,
        task_scheduling_policy: policy(arguments.pull),
        executor_heartbeat_interval_seconds: arguments.heartbeat,
        work_dir: Some(work_dir),
        override_execution_engine: Some(Arc::new(Announcing(DefaultExecutionEngine::new()))),
        health: health.clone(),
        ..ExecutorProcessConfig::default()
    };
    let registered = async {
        while !health.is_ready() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        trace!("Registered, ready for {} at a time.", arguments.cores);
        std::future::pending().await
    };
    tokio::select! {
        served = start_executor_process(Arc::new(config)) => served.map_err(|error| {
            match error.to_string() {
                said if said.contains("Could not connect") => no_scheduler(),
                _ => Error::Node(error),
            }
        }),
        () = registered => Ok(()),
        () = end_of_input(arguments.tied) => Ok(()),
    }
}
// ANCHOR_END: executor

pub(crate) fn listen_at(address: SocketAddr) -> Result<TcpListener> {
    TcpListener::bind(address).map_err(|error| match error.kind() {
        ErrorKind::AddrInUse => Error::PortInUse(address.to_string()),
        _ => Error::io("listen at", address)(error),
    })
}

fn policy(pull: bool) -> TaskSchedulingPolicy {
    if pull {
        TaskSchedulingPolicy::PullStaged
    } else {
        TaskSchedulingPolicy::PushStaged
    }
}

/// Ports that were free a moment ago. Ballista wants to be told, and binds them itself.
fn free_ports(host: &str) -> Result<[u16; 2]> {
    let any = format!("{host}:0");
    let bind = |_| TcpListener::bind(&any).map_err(Error::io("listen at", &any));
    // Both at a time, so that they differ.
    let listeners = [bind(0)?, bind(1)?];
    let port = |listener: &TcpListener| {
        let address = listener.local_addr();
        address
            .map(|address| address.port())
            .map_err(Error::io("ask", "a listener"))
    };
    Ok([port(&listeners[0])?, port(&listeners[1])?])
}

/// Completes when standard input has come to its end, or never where nobody asked.
async fn end_of_input(tied: bool) {
    if !tied {
        return std::future::pending().await;
    }
    let (ended, input) = tokio::sync::oneshot::channel();
    // A thread of its own: a read from a pipe holds the thread that waits for it.
    thread::spawn(move || {
        let mut rest = Vec::new();
        let _ = std::io::stdin().read_to_end(&mut rest);
        let _ = ended.send(());
    });
    let _ = input.await;
}

// ANCHOR: told
/// An engine that announces each task as it begins and ends, and leaves the work to another. Of a
/// task that is cancelled it announces no end.
struct Announcing<E>(E);

impl<E: ExecutionEngine> ExecutionEngine for Announcing<E> {
    fn create_query_stage_exec(
        &self,
        job: JobId,
        stage: usize,
        task: usize,
        partitions: Vec<usize>,
        plan: Arc<dyn ExecutionPlan>,
        work_dir: &str,
        config: &SessionConfig,
    ) -> QueryResult<Arc<dyn QueryStageExecutor>> {
        // The tasks of a stage that is shuffled write to every partition.
        let part = match partitions[..] {
            [partition] => format!("partition {partition}"),
            _ => format!("task {task}"),
        };
        let inner = self
            .0
            .create_query_stage_exec(job, stage, task, partitions, plan, work_dir, config)?;
        Ok(Arc::new(AnnouncedStage { stage, part, inner }))
    }
}

/// One stage, for the partitions of one task.
#[derive(Debug)]
struct AnnouncedStage {
    stage: usize,
    part: String,
    inner: Arc<dyn QueryStageExecutor>,
}

#[async_trait]
impl QueryStageExecutor for AnnouncedStage {
    async fn execute_query_stage(
        &self,
        task: usize,
        context: Arc<TaskContext>,
    ) -> QueryResult<Vec<ShuffleWritePartition>> {
        trace!("Stage {}, {}: begins.", self.stage, self.part);
        let written = self.inner.execute_query_stage(task, context).await;
        let end = if written.is_ok() { "done" } else { "failed" };
        trace!("Stage {}, {}: {end}.", self.stage, self.part);
        written
    }

    // ANCHOR_END: told
    fn collect_plan_metrics(&self) -> Vec<MetricsSet> {
        self.inner.collect_plan_metrics()
    }

    fn collect_runtime_stats_reports(&self) -> Vec<RuntimeStatsReport> {
        self.inner.collect_runtime_stats_reports()
    }

    fn collect_window_state_reports(&self) -> QueryResult<Vec<WindowStateReport>> {
        self.inner.collect_window_state_reports()
    }

    fn collect_column_stats(&self) -> Vec<TaskColumnStats> {
        self.inner.collect_column_stats()
    }
}

impl fmt::Display for AnnouncedStage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

/// How much of a line of the engine is printed: some quote all that a task has measured.
const WORDS: usize = 150;

/// Prints what the engine warns of as lines of this process.
fn say_what_is_logged() {
    struct Lines;
    impl Log for Lines {
        fn enabled(&self, metadata: &Metadata<'_>) -> bool {
            metadata.target().starts_with("ballista")
        }
        fn log(&self, record: &log::Record<'_>) {
            if self.enabled(record.metadata()) {
                let said = record.args().to_string();
                let cut = said.char_indices().nth(WORDS);
                let (words, rest) = cut.map_or((&*said, ""), |(at, _)| (&said[..at], " …"));
                trace!("{}: {words}{rest}", record.level());
            }
        }
        fn flush(&self) {}
    }
    // Where another logger is there already, the engine's words go to that one.
    if log::set_logger(&Lines).is_ok() {
        log::set_max_level(LevelFilter::Warn);
    }
}
