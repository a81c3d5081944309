import type { CapabilityName } from "./linux/capabilities.js";

/**
 * System calls that every container may make. What is here acts on the caller's own processes, memory and files, and
 * is checked by the kernel against the caller's ids and namespaces. The order is of no weight in the compiled program.
 */
export const allowedCalls: Readonly<Record<string, readonly string[]>> = {
  files: words(`
    read write readv writev pread64 pwrite64 preadv pwritev preadv2 pwritev2 open openat openat2 creat close
    close_range lseek _llseek dup dup2 dup3 fcntl fcntl64 flock ioctl truncate truncate64 ftruncate
    ftruncate64 fallocate sendfile sendfile64 copy_file_range splice tee vmsplice readahead fadvise64
    fadvise64_64 sync syncfs fsync fdatasync sync_file_range cachestat
  `),
  paths: words(`
    stat stat64 lstat lstat64 fstat fstat64 fstatat64 newfstatat statx statfs statfs64 fstatfs fstatfs64
    access faccessat faccessat2 readlink readlinkat getdents getdents64 getcwd chdir fchdir mkdir mkdirat
    rmdir unlink unlinkat rename renameat renameat2 link linkat symlink symlinkat mknod mknodat chmod fchmod
    fchmodat fchmodat2 chown chown32 lchown lchown32 fchown fchown32 fchownat umask utime utimes futimesat
    utimensat utimensat_time64 name_to_handle_at getxattr lgetxattr fgetxattr setxattr lsetxattr fsetxattr
    listxattr llistxattr flistxattr removexattr lremovexattr fremovexattr getxattrat setxattrat listxattrat
    removexattrat file_getattr file_setattr
  `),
  memory: words(`
    brk mmap mmap2 munmap mremap mprotect madvise mincore msync mlock mlock2 munlock mlockall munlockall
    remap_file_pages memfd_create memfd_secret membarrier mseal pkey_alloc pkey_free pkey_mprotect
    map_shadow_stack process_mrelease shmget shmat shmctl shmdt
  `),
  processes: words(`
    fork vfork execve execveat exit exit_group wait4 waitid waitpid getpid getppid gettid getpgid getpgrp
    getsid setpgid setsid kill tkill tgkill pidfd_open pidfd_send_signal prctl arch_prctl modify_ldt
    set_thread_area get_thread_area set_tid_address rseq capget capset seccomp landlock_create_ruleset
    landlock_add_rule landlock_restrict_self lsm_get_self_attr lsm_set_self_attr lsm_list_modules
    restart_syscall uname sysinfo getrandom getcpu ipc
  `),
  identity: words(`
    getuid getuid32 geteuid geteuid32 getgid getgid32 getegid getegid32 getresuid getresuid32 getresgid
    getresgid32 getgroups getgroups32 setuid setuid32 setgid setgid32 setreuid setreuid32 setregid setregid32
    setresuid setresuid32 setresgid setresgid32 setgroups setgroups32 setfsuid setfsuid32 setfsgid setfsgid32
  `),
  signals: words(`
    rt_sigaction rt_sigprocmask rt_sigreturn rt_sigpending rt_sigtimedwait rt_sigtimedwait_time64
    rt_sigqueueinfo rt_tgsigqueueinfo rt_sigsuspend sigaltstack signal sigaction sigprocmask sigreturn
    sigpending sigsuspend signalfd signalfd4 pause alarm
  `),
  scheduling: words(`
    sched_yield sched_getaffinity sched_setaffinity sched_getparam sched_setparam sched_getscheduler
    sched_setscheduler sched_getattr sched_setattr sched_get_priority_max sched_get_priority_min
    sched_rr_get_interval sched_rr_get_interval_time64 getpriority setpriority nice ioprio_get ioprio_set
    getrlimit ugetrlimit setrlimit prlimit64 getrusage times
  `),
  synchronization: words(`
    futex futex_time64 futex_waitv futex_wake futex_wait futex_requeue set_robust_list get_robust_list semget
    semop semtimedop semtimedop_time64 semctl msgget msgsnd msgrcv msgctl mq_open mq_unlink mq_timedsend
    mq_timedsend_time64 mq_timedreceive mq_timedreceive_time64 mq_notify mq_getsetattr
  `),
  waiting: words(`
    poll ppoll ppoll_time64 select _newselect pselect6 pselect6_time64 epoll_create epoll_create1 epoll_ctl
    epoll_ctl_old epoll_wait epoll_wait_old epoll_pwait epoll_pwait2 eventfd eventfd2 pipe pipe2 inotify_init
    inotify_init1 inotify_add_watch inotify_rm_watch fanotify_mark io_setup io_submit io_getevents
    io_pgetevents io_pgetevents_time64 io_cancel io_destroy
  `),
  // To read the clock's adjustment needs no privilege; to change it the kernel asks for CAP_SYS_TIME.
  time: words(`
    time gettimeofday clock_gettime clock_gettime64 clock_getres clock_getres_time64 clock_nanosleep
    clock_nanosleep_time64 nanosleep timer_create timer_settime timer_settime64 timer_gettime timer_gettime64
    timer_getoverrun timer_delete timerfd_create timerfd_settime timerfd_settime64 timerfd_gettime
    timerfd_gettime64 getitimer setitimer adjtimex clock_adjtime clock_adjtime64
  `),
  sockets: words(`
    socketpair bind connect listen accept accept4 getsockname getpeername getsockopt setsockopt shutdown send
    sendto sendmsg sendmmsg recv recvfrom recvmsg recvmmsg recvmmsg_time64
  `),
  // The kernel asks for the right to trace, and has asked in time for all of them since 4.8.
  tracing: ["ptrace", "process_vm_readv", "process_vm_writev"],
};

/** System calls that take one of these capabilities, and are answered with EPERM where a container holds none of them. */
export const guardedCalls: readonly { capabilities: readonly CapabilityName[]; names: readonly string[] }[] = [
  {
    capabilities: ["CAP_SYS_ADMIN"],
    names: words(`
    mount umount umount2 fsopen fsconfig fsmount fspick open_tree open_tree_attr move_mount mount_setattr
    statmount listmount setns unshare sethostname setdomainname fanotify_init quotactl quotactl_fd
    lookup_dcookie
  `),
  },
  { capabilities: ["CAP_SYS_ADMIN", "CAP_BPF"], names: ["bpf"] },
  { capabilities: ["CAP_SYS_ADMIN", "CAP_PERFMON"], names: ["perf_event_open"] },
  { capabilities: ["CAP_SYS_ADMIN", "CAP_SYSLOG"], names: ["syslog"] },
  { capabilities: ["CAP_DAC_READ_SEARCH"], names: ["open_by_handle_at"] },
  { capabilities: ["CAP_SYS_BOOT"], names: ["reboot"] },
  { capabilities: ["CAP_SYS_CHROOT"], names: ["chroot"] },
  { capabilities: ["CAP_SYS_MODULE"], names: ["init_module", "finit_module", "delete_module"] },
  { capabilities: ["CAP_SYS_NICE"], names: ["get_mempolicy", "set_mempolicy", "set_mempolicy_home_node", "mbind"] },
  { capabilities: ["CAP_SYS_PACCT"], names: ["acct"] },
  { capabilities: ["CAP_SYS_PTRACE"], names: ["kcmp", "pidfd_getfd", "process_madvise"] },
  { capabilities: ["CAP_SYS_RAWIO"], names: ["ioperm", "iopl"] },
  {
    capabilities: ["CAP_SYS_TIME"],
    names: ["settimeofday", "stime", "clock_settime", "clock_settime64"],
  },
  { capabilities: ["CAP_SYS_TTY_CONFIG"], names: ["vhangup"] },
];

/**
 * System calls that no container makes: they reach what no namespace parts (keyrings, swap, another kernel), or have
 * been the way into the kernel so often (io_uring, userfaultfd) that programs have learned to do without. socketcall
 * is i386's way to every socket call by pointer, of which a filter sees nothing; Linux has the single ones since 4.3.
 */
export const refusedCalls: readonly string[] = words(`
  add_key keyctl request_key swapon swapoff kexec_load kexec_file_load pivot_root io_uring_setup io_uring_enter
  io_uring_register userfaultfd migrate_pages move_pages nfsservctl uselib sysfs ustat vm86 vm86old socketcall
`);

function words(text: string): string[] {
  return text.trim().split(/\s+/);
}
