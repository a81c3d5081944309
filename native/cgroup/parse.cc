#include "cgroup/parse.h"

#include <cmath>
#include <cstdint>

namespace granule {

namespace {

/// The next whole line without its newline; false at the end.
bool nextLine(std::string_view& text, std::string_view& line) {
  const std::size_t end = text.find('\n');
  if (end == std::string_view::npos) return false;
  line = text.substr(0, end);
  text.remove_prefix(end + 1);
  return true;
}

/// The next word of a line; empty at the end.
std::string_view nextWord(std::string_view& line) {
  std::size_t start = 0;
  while (start < line.size() && (line[start] == ' ' || line[start] == '\t')) ++start;
  std::size_t end = start;
  while (end < line.size() && line[end] != ' ' && line[end] != '\t') ++end;
  const std::string_view word = line.substr(start, end - start);
  line.remove_prefix(end);
  return word;
}

/// A decimal number such as `12` or `0.52`; absent where it is none, as `max`.
double number(std::string_view word) {
  if (word.empty()) return kAbsent;
  std::uint64_t digits = 0;
  double divisor = 0;
  for (const char c : word) {
    if (c == '.' && divisor == 0) {
      divisor = 1;
    } else if (c >= '0' && c <= '9') {
      digits = digits * 10 + static_cast<std::uint64_t>(c - '0');
      divisor *= 10;
    } else {
      return kAbsent;
    }
  }
  return divisor == 0 ? static_cast<double>(digits) : static_cast<double>(digits) / divisor;
}

/// Adds to a sum that is absent until something is added.
void add(double& sum, double value) {
  if (std::isnan(value)) return;
  sum = std::isnan(sum) ? value : sum + value;
}

}  // namespace

void parseNumber(std::string_view text, Column column, double scale, Row& row) {
  std::string_view line;
  if (nextLine(text, line)) row[column] = number(line) * scale;
}

void parseKeyed(std::string_view text, const Field* fields, std::size_t count, Row& row) {
  std::string_view line;
  for (std::size_t found = 0; found < count && nextLine(text, line);) {
    const std::string_view name = nextWord(line);
    for (std::size_t i = 0; i < count; ++i) {
      if (fields[i].name != name) continue;
      row[fields[i].column] = number(nextWord(line)) * fields[i].scale;
      ++found;
      break;
    }
  }
}

void parsePressure(std::string_view text, Column first, Row& row) {
  std::string_view line;
  while (nextLine(text, line)) {
    const std::size_t offset = nextWord(line) == "full" ? 2 : 0;
    for (std::string_view word = nextWord(line); !word.empty(); word = nextWord(line)) {
      if (word.starts_with("avg10=")) row.at(first, offset) = number(word.substr(6));
      if (word.starts_with("total=")) row.at(first, offset + 1) = number(word.substr(6));
    }
  }
}

void parseIoStat(std::string_view text, Row& row) {
  static constexpr Field kFields[] = {
      {"rbytes", Column::IoReadBytes},
      {"wbytes", Column::IoWriteBytes},
      {"rios", Column::IoReads},
      {"wios", Column::IoWrites},
  };
  for (const Field& field : kFields) row[field.column] = 0;
  std::string_view line;
  while (nextLine(text, line)) {
    nextWord(line);
    for (std::string_view word = nextWord(line); !word.empty(); word = nextWord(line)) {
      const std::size_t equals = word.find('=');
      if (equals == std::string_view::npos) continue;
      for (const Field& field : kFields) {
        if (field.name == word.substr(0, equals)) add(row[field.column], number(word.substr(equals + 1)));
      }
    }
  }
}

void parseBlkio(std::string_view text, Column reads, Column writes, Row& row) {
  row[reads] = row[writes] = 0;
  std::string_view line;
  while (nextLine(text, line)) {
    nextWord(line);
    const std::string_view kind = nextWord(line);
    if (kind == "Read") add(row[reads], number(nextWord(line)));
    if (kind == "Write") add(row[writes], number(nextWord(line)));
  }
}

void parseNetDev(std::string_view text, Row& row) {
  row[Column::NetRxBytes] = row[Column::NetTxBytes] = row[Column::NetRxPackets] = row[Column::NetTxPackets] = 0;
  std::string_view line;
  while (nextLine(text, line)) {
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) continue;
    std::string_view name = line.substr(0, colon);
    name = nextWord(name);
    line.remove_prefix(colon + 1);
    if (name == "lo") continue;
    add(row[Column::NetRxBytes], number(nextWord(line)));
    add(row[Column::NetRxPackets], number(nextWord(line)));
    for (int skipped = 0; skipped < 6; ++skipped) nextWord(line);
    add(row[Column::NetTxBytes], number(nextWord(line)));
    add(row[Column::NetTxPackets], number(nextWord(line)));
  }
}

}  // namespace granule
