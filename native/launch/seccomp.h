#pragma once

#include <napi.h>

namespace granule {

/// compileSeccomp(defaultErrno, rules) of src/native.ts: compiles the rules for the ABI of this build, and for i386 on
/// x86_64, to a program of struct sock_filter for seccomp(2). Calls by any other ABI, and calls that no rule names,
/// are answered with `defaultErrno`. Of the rules for a call the first one whose arguments match decides.
Napi::Value compileSeccomp(const Napi::CallbackInfo& info);

}  // namespace granule
