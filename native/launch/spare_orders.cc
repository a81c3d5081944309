#include "launch/spare_orders.h"

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

bool send(const Fd& socket, std::uint32_t order) {
  return ::send(socket.get(), &order, sizeof order, MSG_NOSIGNAL) == sizeof order;
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
  if (!ends.secondPlan.valid() || ::ftruncate(ends.secondPlan.get(), kSecondPlanCapacity) != 0) return false;
  void* memory = ::mmap(nullptr, kSecondPlanCapacity, PROT_READ | PROT_WRITE, MAP_SHARED, ends.secondPlan.get(), 0);
  if (memory == MAP_FAILED) return false;
  plan_ = static_cast<std::uint8_t*>(memory);
  return openPair(monitorOrders_, ends.monitorOrders) && openPair(childOrders_, ends.childOrders);
}

bool SpareOrders::give(const std::uint8_t* plan, std::size_t bytes) const {
  if (bytes > kSecondPlanCapacity) {
    errno = E2BIG;
    return false;
  }
  std::memcpy(plan_, plan, bytes);
  // The child first: the longer way is its.
  return send(childOrders_, static_cast<std::uint32_t>(bytes)) &&
         send(monitorOrders_, static_cast<std::uint32_t>(bytes));
}

bool SpareOrders::commit() const { return send(childOrders_, 0); }

void SpareOrders::unmap() {
  if (plan_ != nullptr) ::munmap(plan_, kSecondPlanCapacity);
  plan_ = nullptr;
}

}  // namespace granule
