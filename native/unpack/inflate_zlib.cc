#include <zlib.h>

#include <algorithm>
#include <cerrno>

#include "unpack/error.h"
#include "unpack/inflate.h"

namespace granule::unpack {

struct Inflate::State {
  z_stream stream = {};
};

Inflate::Inflate() : state_(std::make_unique<State>()) {
  // 15 bits of window, and 16 for the gzip wrapper alone (zlib.h, inflateInit2).
  if (inflateInit2(&state_->stream, 15 + 16) != Z_OK) throwSystem("inflateInit2", "", ENOMEM);
}

Inflate::~Inflate() { inflateEnd(&state_->stream); }

Inflate::Step Inflate::step(const uint8_t* input, size_t input_size, uint8_t* output, size_t output_size) {
  z_stream& stream = state_->stream;
  stream.next_in = const_cast<uint8_t*>(input);
  stream.avail_in = static_cast<unsigned>(std::min<size_t>(input_size, 1u << 30));
  stream.next_out = output;
  stream.avail_out = static_cast<unsigned>(std::min<size_t>(output_size, 1u << 30));
  const int code = inflate(&stream, Z_NO_FLUSH);
  const Step step{static_cast<size_t>(stream.next_in - input), static_cast<size_t>(stream.next_out - output),
                  code == Z_STREAM_END};
  if (code == Z_STREAM_END) {
    inflateReset(&stream);
  } else if (code == Z_MEM_ERROR) {
    throwSystem("inflate", "", ENOMEM);
  } else if (code != Z_OK && code != Z_BUF_ERROR) {
    throwFormat("", std::string("the gzip stream is corrupt: ") + (stream.msg ? stream.msg : "unknown"));
  }
  return step;
}

const char* Inflate::library() { return "zlib"; }

}  // namespace granule::unpack
