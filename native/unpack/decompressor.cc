#include "unpack/decompressor.h"

#include <zstd.h>
#include <zstd_errors.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "unpack/error.h"
#include "unpack/inflate.h"

namespace granule::unpack {

namespace {

/// 64 MiB, eight times what every reader must have (RFC 8878, 3.1.1.1.2): it is memory that one layer takes.
constexpr int kZstdWindowLogMax = 26;

class Plain : public Decompressor {
 public:
  Progress run(const uint8_t* input, size_t input_size, uint8_t* output, size_t output_size) override {
    size_t size = std::min(input_size, output_size);
    std::memcpy(output, input, size);
    return {size, size};
  }
  bool complete() const override { return true; }
};

/// gzip members (RFC 1952). Zero bytes after the last one are padding.
class Gzip : public Decompressor {
 public:
  Progress run(const uint8_t* input, size_t input_size, uint8_t* output, size_t output_size) override {
    if (at_boundary_ && members_ > 0) {
      const size_t zeros = static_cast<size_t>(std::find_if(input, input + input_size, isSet) - input);
      if (zeros > 0) {
        padded_ = true;
        return {zeros, 0};
      }
      // A member begins with this byte (RFC 1952, 2.3.1).
      if (input_size > 0 && (padded_ || *input != 0x1f)) throwFormat("", "data after the end of the gzip stream");
    }
    if (input_size == 0 && at_boundary_) return {};
    at_boundary_ = false;
    const Inflate::Step step = inflate_.step(input, input_size, output, output_size);
    if (step.ended) {
      at_boundary_ = true;
      ++members_;
      // An end found in bits that an earlier step had consumed is no movement that the caller would see.
      if (step.consumed == 0 && step.produced == 0 && input_size > 0)
        return run(input, input_size, output, output_size);
    }
    return {step.consumed, step.produced};
  }
  bool complete() const override { return at_boundary_ && members_ > 0; }

 private:
  static bool isSet(uint8_t byte) { return byte != 0; }

  Inflate inflate_;
  bool at_boundary_ = true;
  bool padded_ = false;
  uint64_t members_ = 0;
};

/// Zstandard frames (RFC 8878), skippable ones among them.
class Zstd : public Decompressor {
 public:
  Zstd() : context_(ZSTD_createDCtx()) {
    if (!context_) throwSystem("ZSTD_createDCtx", "", ENOMEM);
    ZSTD_DCtx_setParameter(context_.get(), ZSTD_d_windowLogMax, kZstdWindowLogMax);
  }

  Progress run(const uint8_t* input, size_t input_size, uint8_t* output, size_t output_size) override {
    if (input_size == 0 && complete_) return {};
    ZSTD_inBuffer in{input, input_size, 0};
    ZSTD_outBuffer out{output, output_size, 0};
    size_t left = ZSTD_decompressStream(context_.get(), &out, &in);
    if (ZSTD_getErrorCode(left) == ZSTD_error_frameParameter_windowTooLarge) {
      throw UnpackError("window", 0, "", "the zstd stream needs a window of more than 64 MiB of memory");
    }
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
