#pragma once

#include <cstdint>

namespace granule {

/// The monitor's control socket: a unix stream socket, mode 0600. Little-endian frames in both directions:
///   u32 bytes that follow, u8 type, payload
/// Each request has one reply, in order. After Attach the connection is a stream in both directions until it closes.
enum class Message : std::uint8_t {
  // Requests.
  State = 1,   ///< -> State reply
  Start = 2,   ///< -> Ok once the exec has happened, Failure where it did not
  Kill = 3,    ///< u32 signal, sent to the container's first process -> Ok or Failure
  Resize = 4,  ///< u16 rows, u16 columns -> Ok or Failure
  Wait = 5,    ///< -> Exit, when the process has ended and the record is on disk
  Attach = 6,  ///< u8 bits: 1 stdin, 2 stdout, 4 stderr, 8 output from the log's beginning -> Ok, then Output frames,
               ///< Exit at the end
  Input = 16,  ///< bytes for stdin; an empty one is end of file. Answered by Credit as the process takes them over
  // Answers.
  Ok = 64,
  Failure = 65,     ///< i32 errno, step NUL, path NUL
  StateReply = 66,  ///< u8 state (0 created, 1 running, 2 stopped), i32 pid, u64 created, u64 started (wall ns, 0:
                    ///< never), u64 start time ticks of pid, u64 started (CLOCK_BOOTTIME ns)
  Exit = 67,  ///< i32 code (-1 where signalled), i32 signal, u8 oom killed, u64 started, u64 finished (wall ns), u64
              ///< started, u64 finished (CLOCK_BOOTTIME ns)
  Stdout = 80,
  Stderr = 81,
  Credit = 82,  ///< u32 bytes of input taken over
};

/// The exit record on disk, written to a temporary name, synced and renamed before anybody is told. One `key value` a
/// line: code, signal, oomKilled, startedNs, finishedNs, startedBootNs, finishedBootNs, and the last counters of the
/// cgroup where it has them: cpuUsec, userUsec, systemUsec, throttledUsec, memoryPeakBytes, oomKills, ioReadBytes,
/// ioWriteBytes, ioReads, ioWrites, and those of its own network: rxBytes, txBytes.
/// A process that never started has `failedStep`, `failedErrno` and `failedPath`.

/// Largest frame that the monitor takes or sends, its length field not counted.
inline constexpr std::uint32_t kMaxFrameBytes = 256 * 1024;

}  // namespace granule
