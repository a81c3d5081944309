#include "launch/spare_orders.h"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

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

bool SpareOrders::open(MonitorEnds& ends) {
  plan_ = Fd(::memfd_create("granule-plan", MFD_CLOEXEC));
  if (!plan_.valid() || ::ftruncate(plan_.get(), kSharedBytes) != 0) return false;
  ends.secondPlan = Fd(::fcntl(plan_.get(), F_DUPFD_CLOEXEC, 3));
  childOrders_ = Fd(::eventfd(0, EFD_CLOEXEC | EFD_SEMAPHORE));
  ends.childOrders = Fd(::fcntl(childOrders_.get(), F_DUPFD_CLOEXEC, 3));
  return ends.secondPlan.valid() && ends.childOrders.valid() && openPair(monitorOrders_, ends.monitorOrders);
}

bool SpareOrders::give(const std::uint8_t* plan, std::size_t bytes) const {
  if (bytes > kSecondPlanCapacity) {
    errno = E2BIG;
    return false;
  }
  if (::pwrite(plan_.get(), plan, bytes, 0) != static_cast<ssize_t>(bytes)) return false;
  // The child first: the longer way is its.
  const char order = 1;
  return countUp(childOrders_) && ::send(monitorOrders_.get(), &order, sizeof order, MSG_NOSIGNAL) == sizeof order;
}

void SpareOrders::commit() const { countUp(childOrders_); }

}  // namespace granule
