#include "launch/spare_orders.h"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "launch/standby.h"

namespace granule {

namespace {

bool openPair(Fd& ours, Fd& theirs) {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) return false;
  ours = Fd(ends[0]);
  theirs = Fd(ends[1]);
  return true;
}

bool countUp(const Fd& event) {
  const std::uint64_t one = 1;
  return ::write(event.get(), &one, sizeof one) == sizeof one;
}

}  // namespace

SpareOrders::SpareOrders(SpareOrders&& other) noexcept
    : report(std::move(other.report)),
      monitorOrders_(std::move(other.monitorOrders_)),
      childOrders_(std::move(other.childOrders_)),
      plan_(std::exchange(other.plan_, nullptr)) {}

SpareOrders& SpareOrders::operator=(SpareOrders&& other) noexcept {
  if (this == &other) return *this;
  report = std::move(other.report);
  monitorOrders_ = std::move(other.monitorOrders_);
  childOrders_ = std::move(other.childOrders_);
  unmap();
  plan_ = std::exchange(other.plan_, nullptr);
  return *this;
}

SpareOrders::~SpareOrders() { unmap(); }

bool SpareOrders::open(MonitorEnds& ends) {
  ends.secondPlan = Fd(::memfd_create("granule-plan", MFD_CLOEXEC));
  if (!ends.secondPlan.valid() || ::ftruncate(ends.secondPlan.get(), kSharedBytes) != 0) return false;
  void* memory = ::mmap(nullptr, kSharedBytes, PROT_READ | PROT_WRITE, MAP_SHARED, ends.secondPlan.get(), 0);
  if (memory == MAP_FAILED) return false;
  plan_ = static_cast<std::uint8_t*>(memory);
  childOrders_ = Fd(::eventfd(0, EFD_CLOEXEC | EFD_SEMAPHORE));
  ends.childOrders = Fd(::fcntl(childOrders_.get(), F_DUPFD_CLOEXEC, 3));
  return ends.childOrders.valid() && openPair(monitorOrders_, ends.monitorOrders);
}

bool SpareOrders::give(const std::uint8_t* plan, std::size_t bytes) const {
  if (bytes > kSecondPlanCapacity) {
    errno = E2BIG;
    return false;
  }
  std::memcpy(plan_, plan, bytes);
  // The child first: the longer way is its.
  const char order = 1;
  return countUp(childOrders_) && ::send(monitorOrders_.get(), &order, sizeof order, MSG_NOSIGNAL) == sizeof order;
}

void SpareOrders::commit() const { countUp(childOrders_); }

void SpareOrders::unmap() {
  if (plan_ != nullptr) ::munmap(plan_, kSharedBytes);
  plan_ = nullptr;
}

}  // namespace granule
