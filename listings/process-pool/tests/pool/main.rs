//! What a pool promises, each promise for each start method.
//!
//! A scenario runs as a process of its own (this program again), in a process
//! group of its own and under a deadline; when it ends, nothing of its group may
//! be left.

mod arrives;
mod calls;
mod endings;
mod processes;
mod replaced;
mod tasks;
mod together;

use std::io::{self, Read};
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use libtest_mimic::{Arguments, Failed, Trial};
use nix::errno::Errno;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::{Pid, getpid};
use process_pool::{Error, Pool, StartMethod, Tasks};

/// A scenario that takes longer hangs, but for the time that its faults are to take.
const DEADLINE: Duration = Duration::from_secs(60);

const SCENARIO: &str = "--scenario";

/// In place of a scenario's name: starts a pool before the tasks are registered.
const ABOVE_THE_GUARD: &str = "--above-the-guard";

/// Variables that have this program do something before its tasks are registered.
const PRINT_ABOVE_THE_GUARD: &str = "PRINT_ABOVE_THE_GUARD";
const THREAD_ABOVE_THE_GUARD: &str = "THREAD_ABOVE_THE_GUARD";
const READ_ABOVE_THE_GUARD: &str = "READ_ABOVE_THE_GUARD";

type Scenario = fn(StartMethod);

const SCENARIOS: &[(&str, Scenario)] = &[
    ("results_come_in_the_order_of_the_arguments", calls::order),
    ("a_free_worker_takes_the_next_call", calls::next_call),
    (
        "each_worker_is_a_process_of_its_own_and_named",
        calls::names,
    ),
    (
        "the_initializer_runs_once_in_each_worker",
        calls::initializer_runs,
    ),
    (
        "an_initializer_that_panics_fails_the_start",
        calls::initializer_panics,
    ),
    (
        "a_panic_names_worker_and_call_and_the_worker_lives_on",
        endings::panics,
    ),
    (
        "a_value_that_its_encoding_would_change_is_refused_at_its_sender",
        arrives::altered,
    ),
    ("a_value_arrives_as_it_was_sent", arrives::unaltered),
    (
        "a_panic_that_is_passed_on_keeps_its_words",
        arrives::panics_passed_on,
    ),
    (
        "a_real_time_signal_is_told_by_its_number",
        arrives::real_time_signal,
    ),
    (
        "closed_standard_descriptors_are_not_taken",
        arrives::closed_descriptors,
    ),
    (
        "a_worker_whose_parent_is_killed_within_a_request_says_nothing",
        arrives::parent_killed_within_a_request,
    ),
    (
        "a_worker_that_loses_its_place_says_so_in_one_write",
        arrives::garbage_for_a_worker,
    ),
    ("an_exit_without_a_reply_tells_the_code", endings::exits),
    (
        "a_killed_worker_is_named_with_its_call_and_signal",
        endings::killed,
    ),
    ("an_abort_is_told_from_a_panic", endings::aborts),
    (
        "work_goes_on_with_the_workers_that_are_left",
        endings::goes_on,
    ),
    (
        "with_the_last_worker_lost_every_waiting_call_is_told",
        endings::last_worker,
    ),
    (
        "a_worker_that_sends_garbage_is_killed_and_named",
        endings::garbage,
    ),
    (
        "a_worker_that_hangs_up_and_goes_on_is_killed",
        endings::hangs_up,
    ),
    (
        "descriptors_that_do_not_fit_are_closed_and_told",
        processes::too_many_descriptors,
    ),
    (
        "large_messages_in_both_directions_do_not_deadlock",
        calls::both_full,
    ),
    ("serial_sends_give_the_same_results", calls::serial_sends),
    (
        "serial_sends_wait_for_a_worker_that_does_not_read",
        calls::serial_sends_wait,
    ),
    (
        "a_large_slice_is_received_into_huge_pages_where_there_are_any",
        calls::huge_pages,
    ),
    (
        "a_result_beyond_the_bound_is_refused_and_the_worker_lives_on",
        calls::large_result,
    ),
    (
        "an_argument_beyond_the_bound_is_refused_and_the_worker_lives_on",
        calls::large_argument,
    ),
    ("slices_arrive_whole_and_aligned", calls::slices),
    (
        "a_descriptor_opens_the_same_memory_in_the_worker",
        calls::descriptors,
    ),
    (
        "a_task_finds_nothing_on_its_standard_input",
        calls::standard_input,
    ),
    ("a_worker_holds_no_socket_but_its_own", processes::sockets),
    (
        "dropping_the_pool_leaves_no_child_and_no_descriptor",
        processes::nothing_left,
    ),
    (
        "work_that_was_submitted_is_done_before_the_pool_is_gone",
        calls::drop_waits,
    ),
    (
        "an_unregistered_function_is_refused_by_name",
        calls::unregistered,
    ),
    (
        "a_pool_above_the_guard_is_refused",
        processes::above_the_guard,
    ),
    ("a_pool_without_workers_is_refused", calls::no_workers),
    ("fork_is_refused_beside_another_thread", processes::threads),
    (
        "this_process_forks_for_forked_workers_alone",
        processes::fork_handlers,
    ),
    (
        "a_pool_works_where_sigchld_is_ignored",
        endings::sigchld_ignored,
    ),
    (
        "end_of_file_ends_the_workers_of_a_killed_parent",
        processes::parent_killed_while_idle,
    ),
    (
        "a_busy_worker_ends_with_its_parent",
        processes::parent_killed_while_busy,
    ),
    ("what_a_buffer_held_is_printed_once", calls::buffered_output),
    (
        "what_is_printed_above_the_guard_appears_once_for_each_process_that_ran_it",
        processes::printed_above_the_guard,
    ),
    (
        "a_process_with_a_thread_above_the_guard_does_not_fork",
        processes::thread_above_the_guard,
    ),
    (
        "a_panic_in_another_thread_of_a_task_is_printed",
        endings::panic_in_another_thread,
    ),
    (
        "a_lost_worker_is_told_while_its_own_child_holds_the_socket",
        endings::lost_beside_a_grandchild,
    ),
    (
        "a_request_to_a_dead_worker_whose_child_holds_the_socket_fails",
        endings::sent_beside_a_grandchild,
    ),
    (
        "dropping_the_pool_does_not_wait_for_a_workers_child",
        endings::dropped_beside_a_grandchild,
    ),
    ("a_lost_worker_is_replaced", replaced::replaced),
    (
        "a_worker_that_dies_while_idle_is_replaced_without_a_caller_noticing",
        replaced::replaced_while_idle,
    ),
    (
        "a_call_to_an_idle_worker_that_has_died_is_done_by_the_next_one",
        replaced::next_one_has_the_call,
    ),
    (
        "a_call_that_lost_its_worker_runs_again_and_is_counted_once",
        replaced::retried,
    ),
    (
        "a_call_whose_retries_are_spent_names_each_worker_and_how_it_ended",
        replaced::retries_spent,
    ),
    (
        "a_worker_that_is_overdue_is_killed_and_replaced",
        replaced::deadline,
    ),
    (
        "a_stopped_worker_is_overdue_and_its_call_runs_again",
        replaced::stopped,
    ),
    (
        "an_initializer_that_is_overdue_fails_the_start",
        replaced::initializer_overdue,
    ),
    (
        "a_worker_that_is_lost_in_the_initializer_is_replaced_where_calls_are_retried",
        replaced::lost_in_the_initializer,
    ),
    (
        "a_hook_that_panics_costs_no_worker_and_no_call",
        replaced::hook_panics,
    ),
    (
        "a_cancelled_call_is_not_begun_or_ends_with_its_worker",
        replaced::cancelled,
    ),
    (
        "a_pool_that_is_shut_down_tells_what_was_not_done",
        replaced::shut_down,
    ),
    (
        "a_replacement_that_fails_again_and_again_is_given_up_by_name",
        replaced::never_replaced,
    ),
    (
        "workers_end_with_a_parent_whose_other_thread_started_them",
        replaced::threads_parent_killed,
    ),
    (
        "code_above_the_guard_that_reads_standard_input_finds_none_in_a_worker",
        replaced::standard_input_above_the_guard,
    ),
    (
        "a_refused_start_names_the_limit_and_leaves_nothing",
        replaced::limit_named,
    ),
    (
        "a_thousand_pools_leave_nothing_behind",
        replaced::thousand_cycles,
    ),
    (
        "every_sum_is_exact_while_workers_are_killed_and_stopped_at_random",
        replaced::random_faults,
    ),
    (
        "a_slow_call_keeps_no_call_that_came_with_it",
        together::slow_call,
    ),
    (
        "each_of_the_calls_that_came_together_has_its_own_result",
        together::own_results,
    ),
    (
        "a_submit_does_not_wait_for_its_call",
        together::submit_returns,
    ),
    (
        "a_result_waits_for_no_slow_call_that_came_with_it",
        together::behind_results,
    ),
    (
        "of_calls_that_came_together_a_lost_worker_loses_the_one_that_it_had",
        together::lost,
    ),
    (
        "of_calls_that_came_together_a_retry_is_of_the_one_that_was_lost",
        together::retried,
    ),
    (
        "a_call_that_is_cancelled_before_it_begins_costs_its_neighbours_nothing",
        together::cancelled,
    ),
    (
        "each_of_the_calls_that_came_together_has_its_own_deadline",
        together::deadlines,
    ),
    (
        "calls_that_came_together_and_were_not_begun_have_no_worker_at_shutdown",
        together::shut_down,
    ),
    (
        "panics_and_refusals_among_calls_that_came_together_are_their_own",
        together::own_errors,
    ),
    (
        "a_caller_that_waits_wakes_no_other_thread",
        together::no_other_thread,
    ),
    (
        "a_call_that_nobody_waits_for_frees_its_worker",
        together::nobody_waits,
    ),
    (
        "a_call_that_nobody_waits_for_has_its_deadline",
        together::nobody_waits_too_long,
    ),
    ("many_threads_call_at_once", together::many_threads),
    (
        "a_worker_does_not_unwind_into_its_parents_code",
        endings::no_unwinding_into_the_parent,
    ),
];

/// What is promised where this program is started anew once the pool has threads.
const OF_A_PROGRAM: &[(&str, Scenario)] = &[(
    "one_that_is_stopped_before_it_executes_its_program_is_overdue",
    replaced::stopped_before_it_executes,
)];

/// What only the fork server promises.
const OF_THE_SERVER: &[(&str, Scenario)] = &[
    (
        "two_pools_share_one_server_that_ends_with_the_last",
        processes::shared_server,
    ),
    (
        "with_a_killed_server_its_call_is_told_and_the_next_pool_has_a_new_one",
        processes::server_killed,
    ),
    (
        "a_stopped_server_keeps_no_pool_from_starting_or_ending",
        replaced::server_stopped,
    ),
    (
        "an_interrupt_of_the_group_is_not_the_servers_to_obey",
        processes::server_interrupted,
    ),
];

fn main() -> ExitCode {
    if env::args().any(|argument| argument == ABOVE_THE_GUARD) {
        let method = env::args()
            .next_back()
            .expect("a method")
            .parse()
            .expect("a start method");
        let error = Pool::builder(method)
            .workers(1)
            .start()
            .expect_err("refused");
        assert!(matches!(error, Error::NotRegisteredYet), "{error}");
        return ExitCode::SUCCESS;
    }
    if env::var_os(PRINT_ABOVE_THE_GUARD).is_some() {
        print!("<above>");
    }
    if env::var_os(THREAD_ABOVE_THE_GUARD).is_some() {
        thread::spawn(|| {
            loop {
                thread::park();
            }
        });
    }
    if env::var_os(READ_ABOVE_THE_GUARD).is_some() {
        let mut line = String::new();
        io::stdin().read_line(&mut line).expect("reads");
        println!("<{}>", line.trim());
    }
    Tasks::new()
        .add(tasks::double)
        .add(tasks::name_and_pid)
        .add(tasks::initialized)
        .add(tasks::fail)
        .add(tasks::wait_for_file)
        .add(tasks::reverse)
        .add(tasks::sum_words)
        .add(tasks::bytes_of_length)
        .add(tasks::read_descriptor)
        .add(tasks::open_many)
        .add(tasks::parents_pid)
        .add(tasks::read_standard_input)
        .add(tasks::count_sockets)
        .add(arrives::same_level)
        .add(arrives::same_job)
        .add(arrives::level_number)
        .add(arrives::job_of)
        .add(arrives::same_mixture)
        .add(arrives::same_slices)
        .add(arrives::pass_a_panic_on)
        .add(arrives::raise_number)
        .add(arrives::places_of_standard)
        .add(arrives::same_descriptor)
        .add(tasks::append_line)
        .add(tasks::append_with_words)
        .add(tasks::asks_for_huge_pages)
        .add(tasks::panic_in_a_thread)
        .add(tasks::panic_with_a_bomb)
        .add(tasks::leave_a_child)
        .add(tasks::fail_once)
        .add(tasks::append_then_wait)
        .add(tasks::nap)
        .add(tasks::doze)
        .add_initializer(tasks::sleep_at_start)
        .add_initializer(tasks::panic_in_replacements)
        .add_initializer(tasks::first_two_are_lost)
        .add_initializer(tasks::note_start)
        .add_initializer(tasks::panic_at_start)
        .add_initializer(tasks::outlive_parent_if_it_can)
        .serve_if_worker();

    let arguments: Vec<String> = env::args().collect();
    if let [_, flag, name, method] = &arguments[..]
        && flag == SCENARIO
    {
        let (_, scenario) = SCENARIOS
            .iter()
            .chain(OF_A_PROGRAM)
            .chain(OF_THE_SERVER)
            .find(|(n, _)| n == name)
            .expect("a scenario");
        scenario(method.parse().expect("a start method"));
        return ExitCode::SUCCESS;
    }

    let of_all = SCENARIOS
        .iter()
        .flat_map(|&(name, _)| StartMethod::ALL.map(|method| (name, method)));
    let of_a_program = OF_A_PROGRAM.iter().flat_map(|&(name, _)| {
        [StartMethod::Fork, StartMethod::Spawn].map(|method| (name, method))
    });
    let of_the_server = OF_THE_SERVER
        .iter()
        .map(|&(name, _)| (name, StartMethod::ForkServer));
    let trials = of_all
        .chain(of_a_program)
        .chain(of_the_server)
        .map(|(name, method)| {
            Trial::test(format!("{method}::{name}"), move || {
                run_scenario(name, method)
            })
        })
        .collect();
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

/// Runs one scenario as a process; its failure is what it printed.
fn run_scenario(name: &str, method: StartMethod) -> Result<(), Failed> {
    let mut child = Command::new(env::current_exe()?)
        .args([SCENARIO, name, &method.to_string()])
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let group = Pid::from_raw(child.id().cast_signed());
    let mut out = child.stdout.take().ok_or("no stdout")?;
    let mut err = child.stderr.take().ok_or("no stderr")?;
    let printed = thread::spawn(move || {
        let mut text = String::new();
        let _ = err.read_to_string(&mut text);
        let _ = out.read_to_string(&mut text);
        text
    });
    let asked = env::var("FAULTS_SECONDS").ok();
    let faults = asked.as_deref().and_then(|seconds| seconds.parse().ok());
    let faults = Duration::from_secs(faults.unwrap_or(0));
    let started = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if started.elapsed() > DEADLINE + faults {
            killpg(group, Signal::SIGKILL)?;
            child.wait()?;
            return Err(format!("hangs:\n{}", printed.join().unwrap_or_default()).into());
        }
        thread::sleep(Duration::from_millis(2));
    };
    if !gone_within_a_second(|| killpg(group, None) == Err(Errno::ESRCH)) {
        killpg(group, Signal::SIGKILL)?;
        return Err("a process was left behind".into());
    }
    let printed = printed.join().unwrap_or_default();
    if !status.success() {
        return Err(format!("{status}:\n{printed}").into());
    }
    if asked.is_some() {
        // How many there were.
        print!("{printed}");
    }
    Ok(())
}

fn gone_within_a_second(gone: impl Fn() -> bool) -> bool {
    let started = Instant::now();
    while !gone() {
        if started.elapsed() > Duration::from_secs(1) {
            return false;
        }
        thread::sleep(Duration::from_millis(2));
    }
    true
}

fn pool(method: StartMethod, workers: usize) -> Pool {
    Pool::builder(method)
        .workers(workers)
        .start()
        .expect("the pool starts")
}

/// A folder of this scenario's own.
fn folder() -> std::path::PathBuf {
    let folder = env::temp_dir().join(format!("process-pool-{}", getpid()));
    fs::create_dir_all(&folder).expect("a folder");
    folder
}
