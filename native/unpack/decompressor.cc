#include "unpack/decompressor.h"

#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "unpack/error.h"

namespace granule::unpack {

namespace {

class Plain : public Decompressor {
 public:
  Progress run(const uint8_t* input, size_t input_size, uint8_t* output, size_t output_size) override {
    size_t size = std::min(input_size, output_size);
    std::memcpy(output, input, size);
    return {size, size};
  }
  bool complete() const override { return true; }
};

/// gzip (RFC 1952); its CRC and length are checked by zlib. Zero bytes after the last member are padding.
class Gzip : public Decompressor {
 public:
  Gzip() {
    // 15 bits of window, and 16 for the gzip wrapper alone (zlib.h, inflateInit2).
    if (inflateInit2(&stream_, 15 + 16) != Z_OK) throwSystem("inflateInit2", "", ENOMEM);
  }
  ~Gzip() override { inflateEnd(&stream_); }

  Progress run(const uint8_t* input, size_t input_size, uint8_t* output, size_t output_size) override {
    if (at_boundary_ && members_ > 0) {
      size_t zeros = 0;
      while (zeros < input_size && input[zeros] == 0) ++zeros;
      if (zeros > 0) {
        padded_ = true;
        return {zeros, 0};
      }
      if (padded_ && input_size > 0) throwFormat("", "data after the end of the gzip stream");
    }
    if (input_size == 0 && at_boundary_) return {};
    stream_.next_in = const_cast<uint8_t*>(input);
    stream_.avail_in = static_cast<unsigned>(std::min<size_t>(input_size, 1u << 30));
    stream_.next_out = output;
    stream_.avail_out = static_cast<unsigned>(std::min<size_t>(output_size, 1u << 30));
    at_boundary_ = false;
    int code = inflate(&stream_, Z_NO_FLUSH);
    Progress progress{static_cast<size_t>(stream_.next_in - input), static_cast<size_t>(stream_.next_out - output)};
    if (code == Z_STREAM_END) {
      at_boundary_ = true;
      ++members_;
      inflateReset(&stream_);
    } else if (code == Z_MEM_ERROR) {
      throwSystem("inflate", "", ENOMEM);
    } else if (code != Z_OK && code != Z_BUF_ERROR) {
      throwFormat("", std::string("the gzip stream is corrupt: ") + (stream_.msg ? stream_.msg : "unknown"));
    }
    return progress;
  }
  bool complete() const override { return at_boundary_ && members_ > 0; }

 private:
  z_stream stream_ = {};
  bool at_boundary_ = true;
  bool padded_ = false;
  uint64_t members_ = 0;
};

/// Zstandard frames (RFC 8878), skippable ones among them.
class Zstd : public Decompressor {
 public:
  Zstd() : context_(ZSTD_createDCtx()) {
    if (!context_) throwSystem("ZSTD_createDCtx", "", ENOMEM);
    // 128 MiB of window, as the zstd tool allows without being asked.
    ZSTD_DCtx_setParameter(context_.get(), ZSTD_d_windowLogMax, 27);
  }

  Progress run(const uint8_t* input, size_t input_size, uint8_t* output, size_t output_size) override {
    if (input_size == 0 && complete_) return {};
    ZSTD_inBuffer in{input, input_size, 0};
    ZSTD_outBuffer out{output, output_size, 0};
    size_t left = ZSTD_decompressStream(context_.get(), &out, &in);
    if (ZSTD_isError(left)) throwFormat("", std::string("the zstd stream is corrupt: ") + ZSTD_getErrorName(left));
    complete_ = left == 0;
    return {in.pos, out.pos};
  }
  bool complete() const override { return complete_; }

 private:
  struct Free {
    void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
  };
  std::unique_ptr<ZSTD_DCtx, Free> context_;
  bool complete_ = false;
};

}  // namespace

std::unique_ptr<Decompressor> makeDecompressor(std::string_view compression) {
  if (compression == "none") return std::make_unique<Plain>();
  if (compression == "gzip") return std::make_unique<Gzip>();
  if (compression == "zstd") return std::make_unique<Zstd>();
  throw UnpackError("compression", EINVAL, "", "unknown compression");
}

}  // namespace granule::unpack
