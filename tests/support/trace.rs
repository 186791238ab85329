//! Faults at system calls: the program runs under a tracer, which stops it before its calls and lets
//! one of them kill the program or fail.
//!
//! A filter of seccomp(2) (`SECCOMP_RET_TRACE`) stops a thread once before each call that is of
//! interest, and lets all others pass at full speed. A call that is killed or made to fail is not
//! carried out (ptrace(2), "PTRACE_EVENT_SECCOMP"). It reads and writes the registers of x86-64.
#![allow(
    unsafe_code,
    reason = "tracing has no safe form: every call below is of a process that this module started, \
              from the thread that started it"
)]

use std::io::{self, Read as _, Seek as _};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::{Command, ExitStatus, Output};
use std::ptr;

use libc::{c_int, c_long, c_uint, pid_t};

/// The number of a system call on this processor.
pub type Call = c_long;

/// What happens to the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing; the calls are counted.
    None,
    /// It is killed before its n-th system call, counted over all its threads, from 1.
    Kill(usize),
    /// It is killed before its n-th call of this number.
    KillBefore { call: Call, number: usize },
    /// The n-th call of this number fails, or that and all after it.
    Fail { call: Call, number: usize, error: c_int, for_ever: bool },
}

/// How a run ended.
pub struct Run {
    pub output: Output,
    /// The calls that were looked at, in their order.
    pub calls: Vec<Call>,
    /// Whether the fault came about: the program may have made fewer calls than expected.
    pub happened: bool,
}

/// Runs a program with a fault.
pub fn run(mut command: Command, fault: Fault) -> io::Result<Run> {
    let mut streams = [tempfile::tempfile()?, tempfile::tempfile()?];
    command.stdout(streams[0].try_clone()?).stderr(streams[1].try_clone()?);
    let mut filter = Filter::of(fault);
    // SAFETY: between fork and exec the closure makes three system calls and touches nothing else.
    unsafe { command.pre_exec(move || filter.ask_to_be_traced()) };
    let child = command.spawn()?;
    let mut tracer = Tracer::new(child.id().cast_signed(), fault);
    let status = tracer.follow()?;
    let mut said = [Vec::new(), Vec::new()];
    for (stream, said) in streams.iter_mut().zip(&mut said) {
        stream.rewind()?;
        stream.read_to_end(said)?;
    }
    let [stdout, stderr] = said;
    let happened = match fault {
        Fault::Kill(_) | Fault::KillBefore { .. } => status.signal() == Some(libc::SIGKILL),
        Fault::None | Fault::Fail { .. } => tracer.happened,
    };
    Ok(Run { output: Output { status, stdout, stderr }, calls: tracer.calls, happened })
}

/// Tells whether this process may trace others.
pub fn is_possible() -> bool {
    run(Command::new("true"), Fault::None)
        .is_ok_and(|run| run.output.status.success() && !run.calls.is_empty())
}

/// Which calls stop a thread.
struct Filter(Vec<libc::sock_filter>);

impl Filter {
    fn of(fault: Fault) -> Self {
        match fault {
            Fault::Fail { call, .. } | Fault::KillBefore { call, .. } => {
                Self::new(&[call], libc::SECCOMP_RET_TRACE, libc::SECCOMP_RET_ALLOW)
            }
            Fault::None | Fault::Kill(_) => {
                // The tracer is not listening yet when the program starts.
                let first = [libc::SYS_execve];
                Self::new(&first, libc::SECCOMP_RET_ALLOW, libc::SECCOMP_RET_TRACE)
            }
        }
    }

    /// One answer for these calls, another for all others.
    fn new(calls: &[Call], these: u32, others: u32) -> Self {
        let line = |code: u32, jt, k| libc::sock_filter { code: code as u16, jt, jf: 0, k };
        // The number of the call is the first field (`struct seccomp_data`).
        let mut lines = vec![line(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0)];
        for (position, call) in calls.iter().enumerate() {
            let to_the_last = u8::try_from(calls.len() - position).expect("a few calls");
            let call = u32::try_from(*call).expect("numbers of calls are small");
            lines.push(line(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, to_the_last, call));
        }
        lines.push(line(libc::BPF_RET | libc::BPF_K, 0, others));
        lines.push(line(libc::BPF_RET | libc::BPF_K, 0, these));
        Self(lines)
    }

    /// Makes the process a traced one with this filter; to be called between fork and exec.
    fn ask_to_be_traced(&mut self) -> io::Result<()> {
        let len = u16::try_from(self.0.len()).expect("a few lines");
        let program = libc::sock_fprog { len, filter: self.0.as_mut_ptr() };
        // SAFETY: calls of the kernel about this process; `program` lives until they return.
        let results = unsafe {
            [
                c_long::from(libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)),
                libc::ptrace(libc::PTRACE_TRACEME, 0, 0, 0),
                c_long::from(libc::prctl(
                    libc::PR_SET_SECCOMP,
                    libc::SECCOMP_MODE_FILTER,
                    &raw const program,
                )),
            ]
        };
        if results == [0; 3] { Ok(()) } else { Err(io::Error::last_os_error()) }
    }
}

/// Follows a process and all its threads to the end.
struct Tracer {
    process: pid_t,
    fault: Fault,
    begun: bool,
    calls: Vec<Call>,
    happened: bool,
}

impl Tracer {
    fn new(process: pid_t, fault: Fault) -> Self {
        Self { process, fault, begun: false, calls: Vec::new(), happened: false }
    }

    fn follow(&mut self) -> io::Result<ExitStatus> {
        let mut ended = None;
        loop {
            let mut status = 0;
            // Of the calling thread only: other threads follow other programs.
            let which = libc::__WALL | libc::__WNOTHREAD;
            // SAFETY: the kernel writes one number.
            let thread = unsafe { libc::waitpid(-1, &raw mut status, which) };
            if thread < 0 {
                let error = io::Error::last_os_error();
                return match (error.raw_os_error(), ended) {
                    (Some(libc::EINTR), _) => continue,
                    (Some(libc::ECHILD), Some(status)) => Ok(status),
                    _ => Err(error),
                };
            }
            if libc::WIFSTOPPED(status) {
                self.stopped(thread, status);
            } else if thread == self.process {
                ended = Some(ExitStatus::from_raw(status));
            }
        }
    }

    /// Decides what happens to a thread that stopped. Requests to a thread that was killed
    /// meanwhile fail, which is as it should be.
    fn stopped(&mut self, thread: pid_t, status: c_int) {
        let (signal, event) = (libc::WSTOPSIG(status), status >> 16);
        let mut passed_on = 0;
        if !self.begun {
            self.begun = true;
            let options = libc::PTRACE_O_TRACESECCOMP
                | libc::PTRACE_O_TRACECLONE
                | libc::PTRACE_O_TRACEFORK
                | libc::PTRACE_O_TRACEVFORK
                | libc::PTRACE_O_EXITKILL;
            request(libc::PTRACE_SETOPTIONS, thread, options as usize);
        } else if event == libc::PTRACE_EVENT_SECCOMP {
            self.call(thread);
        } else if event == 0 && signal != libc::SIGSTOP {
            passed_on = signal;
        }
        request(libc::PTRACE_CONT, thread, passed_on as usize);
    }

    fn call(&mut self, thread: pid_t) {
        match self.fault {
            Fault::None => self.calls.push(registers(thread).map_or(-1, number)),
            Fault::Kill(at) | Fault::KillBefore { number: at, .. } => {
                self.calls.push(-1);
                if self.calls.len() == at {
                    self.happened = true;
                    // SAFETY: a signal to the process that this module started and has not
                    // waited for.
                    unsafe { libc::kill(self.process, libc::SIGKILL) };
                }
            }
            Fault::Fail { call, number, error, for_ever } => {
                self.calls.push(call);
                let count = self.calls.len();
                if count == number || for_ever && count > number {
                    self.happened |= fail(thread, error);
                }
            }
        }
    }
}

fn request(what: c_uint, thread: pid_t, value: usize) -> bool {
    // SAFETY: these requests read no memory of ours.
    unsafe { libc::ptrace(what, thread, 0_usize, value) == 0 }
}

fn registers(thread: pid_t) -> Option<libc::user_regs_struct> {
    // SAFETY: all of its fields are numbers.
    let mut registers: libc::user_regs_struct = unsafe { std::mem::zeroed() };
    let to = &raw mut registers;
    // SAFETY: the kernel writes one such structure.
    let result = unsafe { libc::ptrace(libc::PTRACE_GETREGS, thread, ptr::null_mut::<u8>(), to) };
    (result == 0).then_some(registers)
}

fn number(registers: libc::user_regs_struct) -> Call {
    registers.orig_rax.cast_signed()
}

/// Lets the call before which a thread has stopped fail: a call without a number is not carried out,
/// and what is in the register of results stays there.
fn fail(thread: pid_t, error: c_int) -> bool {
    let Some(mut registers) = registers(thread) else { return false };
    registers.orig_rax = u64::MAX;
    registers.rax = i64::from(-error).cast_unsigned();
    let from = &raw const registers;
    // SAFETY: the kernel reads one such structure.
    unsafe { libc::ptrace(libc::PTRACE_SETREGS, thread, ptr::null_mut::<u8>(), from) == 0 }
}
