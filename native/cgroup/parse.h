#pragma once

#include <cstddef>
#include <string_view>

#include "cgroup/row.h"

namespace granule {

/// A line `name value` of a flat keyed file, and where its value goes.
struct Field {
  std::string_view name;
  Column column;
  double scale = 1;
};

/// Each takes the text of one file, as the kernel prints it, into columns of a row. What a text does not have stays
/// as it is; a line that is cut off at the end of the text is not read.
void parseNumber(std::string_view text, Column column, double scale, Row& row);
void parseKeyed(std::string_view text, const Field* fields, std::size_t count, Row& row);
/// Pressure stall information; `first` is the first of the four columns.
void parsePressure(std::string_view text, Column first, Row& row);
/// cgroup v2 io.stat, summed over devices.
void parseIoStat(std::string_view text, Row& row);
/// cgroup v1 blkio.throttle.io_service_bytes and io_serviced, summed over devices.
void parseBlkio(std::string_view text, Column reads, Column writes, Row& row);
/// /proc/<pid>/net/dev, summed over all interfaces but lo.
void parseNetDev(std::string_view text, Row& row);

}  // namespace granule
