#include <igzip_lib.h>

#include <algorithm>

#include "unpack/error.h"
#include "unpack/inflate.h"

namespace granule::unpack {

namespace {

const char* reasonOf(int code) {
  switch (code) {
    case ISAL_INVALID_BLOCK:
      return "an invalid block";
    case ISAL_INVALID_SYMBOL:
      return "an invalid symbol";
    case ISAL_INVALID_LOOKBACK:
      return "a reference to before its start";
    case ISAL_INVALID_WRAPPER:
      return "no gzip header";
    case ISAL_UNSUPPORTED_METHOD:
      return "an unknown compression method";
    case ISAL_INCORRECT_CHECKSUM:
      return "a wrong checksum";
    default:
      return "unknown";
  }
}

}  // namespace

struct Inflate::State {
  inflate_state inflate;
};

Inflate::Inflate() : state_(std::make_unique<State>()) {
  isal_inflate_init(&state_->inflate);
  state_->inflate.crc_flag = ISAL_GZIP;
}

Inflate::~Inflate() = default;

Inflate::Step Inflate::step(const uint8_t* input, size_t input_size, uint8_t* output, size_t output_size) {
  inflate_state& inflate = state_->inflate;
  inflate.next_in = const_cast<uint8_t*>(input);
  inflate.avail_in = static_cast<uint32_t>(std::min<size_t>(input_size, 1u << 30));
  inflate.next_out = output;
  inflate.avail_out = static_cast<uint32_t>(std::min<size_t>(output_size, 1u << 30));
  const int code = isal_inflate(&inflate);
  if (code != ISAL_DECOMP_OK) throwFormat("", std::string("the gzip stream is corrupt: ") + reasonOf(code));
  const Step step{static_cast<size_t>(inflate.next_in - input), static_cast<size_t>(inflate.next_out - output),
                  inflate.block_state == ISAL_BLOCK_FINISH};
  // This keeps the flag that asks for gzip.
  if (step.ended) isal_inflate_reset(&inflate);
  return step;
}

const char* Inflate::library() { return "isa-l"; }

}  // namespace granule::unpack
