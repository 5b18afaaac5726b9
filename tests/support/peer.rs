//! Starting another program: on a free port of loopback, gone when the test binary is gone.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Mutex, OnceLock, mpsc};
use std::time::{Duration, Instant};

/// A port that was free a moment ago, and stays so until it is listened on: the kernel gives none of these to a connection that
/// leaves (they begin at 32768), and this process gives each once.
pub fn free_port() -> u16 {
    const PORTS: std::ops::Range<u16> = 11_000..32_000;
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // Where another process begins is elsewhere, mostly.
    let begin = std::process::id().wrapping_mul(7_919);
    let mut all = std::iter::repeat_with(|| NEXT.fetch_add(1, Ordering::Relaxed));
    let port = all.find_map(|turn| {
        let turn = begin.wrapping_add(turn.into()) % u32::from(PORTS.end - PORTS.start);
        let port = PORTS.start + u16::try_from(turn).unwrap();
        TcpListener::bind(("127.0.0.1", port)).is_ok().then_some(port)
    });
    port.unwrap()
}

/// The project's folder.
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// A command that the kernel ends together with the thread that [`spawn`]s it.
pub fn bound_to_us(program: impl Into<PathBuf>) -> Command {
    let mut command = Command::new("setpriv");
    command.arg("--pdeathsig").arg("KILL").arg("--").arg(program.into());
    command
}

/// Starts it from a thread that lives as long as the process: the death signal follows the thread of birth, and a
/// test's own thread is gone when the test is.
pub fn spawn(command: Command) -> Child {
    type Order = (Command, mpsc::Sender<Child>);
    static SPAWNER: OnceLock<Mutex<mpsc::Sender<Order>>> = OnceLock::new();
    let spawner = SPAWNER.get_or_init(|| {
        let (orders, incoming) = mpsc::channel::<Order>();
        std::thread::spawn(move || {
            for (mut command, answer) in incoming {
                answer.send(command.spawn().unwrap()).unwrap();
            }
        });
        Mutex::new(orders)
    });
    let (answer, child) = mpsc::channel();
    spawner.lock().unwrap().send((command, answer)).unwrap();
    child.recv().unwrap()
}

/// Waits until somebody listens there; fails when the child ends before or after 60 s.
pub fn wait_for_port(port: u16, child: &mut Child) {
    let deadline = Instant::now() + Duration::from_secs(60);
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    while TcpStream::connect_timeout(&address, Duration::from_millis(200)).is_err() {
        if let Some(status) = child.try_wait().unwrap() {
            panic!("the peer ended with {status} before it listened on {port}");
        }
        assert!(Instant::now() < deadline, "nobody listens on {port} after 60 s");
        std::thread::park_timeout(Duration::from_millis(20));
    }
}
