#include "shim.h"

#include <array>
#include <charconv>
#include <cmath>
#include <cstring>

// The shortest decimal of a double after Giulietti, "The Schubfach way to render doubles" (2020), for the exponents of
// plain notation; std::to_chars, which gives the same digits, does the rest.

namespace {

using wide = unsigned __int128;

// 10^e, e from 0 on, as 5^e with its highest bit at the top: exact for all that plain notation needs.
constexpr auto powers = [] {
    std::array<uint64_t, 24> table{};
    uint64_t power = 1;
    for (auto &entry : table) {
        entry = power;
        while (entry >> 63 == 0) entry <<= 1;
        power *= 5;
    }
    return table;
}();

constexpr auto pairs = [] {
    std::array<char, 200> digits{};
    for (int i = 0; i < 100; i++) {
        digits[static_cast<size_t>(2 * i)] = static_cast<char>('0' + i / 10);
        digits[static_cast<size_t>(2 * i + 1)] = static_cast<char>('0' + i % 10);
    }
    return digits;
}();

inline uint64_t round_to_odd(uint64_t power, uint64_t factor) {
    const wide product = static_cast<wide>(power) * factor;
    return static_cast<uint64_t>(product >> 64) | (static_cast<uint64_t>(product) != 0);
}

inline uint64_t bits_of(double value) {
    uint64_t bits;
    std::memcpy(&bits, &value, sizeof bits);
    return bits;
}

struct Decimal {
    uint64_t digits;
    int exponent;
};

// Of a positive value of plain notation that is no whole number.
inline Decimal shortest(uint64_t bits) {
    const uint64_t fraction = bits & ((1ull << 52) - 1);
    const int biased = static_cast<int>(bits >> 52);
    const uint64_t c = fraction | 1ull << 52;
    const int q = biased - 1075;
    const uint64_t is_odd = c & 1;
    const bool is_power = fraction == 0;
    const uint64_t left = 4 * c - 2 + is_power, middle = 4 * c, right = 4 * c + 2;
    const int k = (q * 1262611 - (is_power ? 524031 : 0)) >> 22;
    const int h = q + ((-k * 1741647) >> 19) + 1;
    const uint64_t power = powers[static_cast<size_t>(-k)];
    const uint64_t lower = round_to_odd(power, left << h) + is_odd;
    const uint64_t value = round_to_odd(power, middle << h);
    const uint64_t upper = round_to_odd(power, right << h) - is_odd;
    const uint64_t s = value / 4;
    if (s >= 10) {
        const uint64_t tenth = s / 10;
        const bool is_down = lower <= 40 * tenth, is_up = 40 * tenth + 40 <= upper;
        if (is_down != is_up) return {tenth + is_up, k + 1};
    }
    const bool is_down = lower <= 4 * s, is_up = 4 * s + 4 <= upper;
    if (is_down != is_up) return {s + is_up, k};
    const uint64_t half = 4 * s + 2;
    return {s + (value > half || (value == half && (s & 1))), k};
}

constexpr auto tens = [] {
    std::array<uint64_t, 20> table{};
    table[0] = 1;
    for (size_t i = 1; i < 20; i++) table[i] = table[i - 1] * 10;
    return table;
}();

inline int digit_count(uint64_t value) {
    // log10(2) as 1233 / 4096.
    const int guess = (64 - __builtin_clzll(value | 1)) * 1233 >> 12;
    return guess + (value >= tens[static_cast<size_t>(guess)]);
}

inline void write_pair(char *text, uint32_t value) { std::memcpy(text, pairs.data() + 2 * value, 2); }

// Writes exactly eight digits.
inline void write_eight(char *text, uint32_t value) {
    const uint32_t high = value / 10000, low = value % 10000;
    write_pair(text, high / 100);
    write_pair(text + 2, high % 100);
    write_pair(text + 4, low / 100);
    write_pair(text + 6, low % 100);
}

constexpr int digits_size = 20;

// Writes 20 digits, with zeros before the number.
inline void write_digits(char *text, uint64_t value) {
    const uint64_t high = value / 100000000, top = high / 100000000;
    write_pair(text, static_cast<uint32_t>(top / 100));
    write_pair(text + 2, static_cast<uint32_t>(top % 100));
    write_eight(text + 4, static_cast<uint32_t>(high % 100000000));
    write_eight(text + 12, static_cast<uint32_t>(value % 100000000));
}

inline char *write_integer(char *text, uint64_t value) {
    if (value < 100) {
        if (value < 10) {
            *text = static_cast<char>('0' + value);
            return text + 1;
        }
        write_pair(text, static_cast<uint32_t>(value));
        return text + 2;
    }
    char digits[digits_size];
    const int count = digit_count(value);
    if (value < 100000000) {
        write_eight(digits + 12, static_cast<uint32_t>(value));
    } else {
        write_digits(digits, value);
    }
    std::memcpy(text, digits + digits_size - count, static_cast<size_t>(count));
    return text + count;
}

// Copies whole words, so that the number of digits is no branch: `text` has room for 40 bytes.
inline char *write_fraction(char *text, Decimal decimal) {
    // 0.3 comes as 3 and many zeros.
    while (decimal.digits % 100 == 0) {
        decimal.digits /= 100;
        decimal.exponent += 2;
    }
    if (decimal.digits % 10 == 0) {
        decimal.digits /= 10;
        decimal.exponent += 1;
    }
    const int count = digit_count(decimal.digits), before = count + decimal.exponent;
    char digits[digits_size + 24];
    write_digits(digits, decimal.digits);
    const char *first = digits + digits_size - count;
    if (before <= 0) {
        std::memcpy(text, "0.0000000", 8);
        std::memcpy(text + 2 - before, first, 24);
        return text + 2 - before + count;
    }
    std::memcpy(text, first, 16);
    text[before] = '.';
    std::memcpy(text + before + 1, first + before, 17);
    return text + count + 1;
}

}  // namespace

extern "C" size_t cmartlet_format_double(double value, char *text) {
    const double size = std::fabs(value);
    char *end = text;
    if (size >= 1e-4 && size < 0x1p53) {
        if (value < 0) *end++ = '-';
        const auto whole = static_cast<uint64_t>(size);
        if (static_cast<double>(whole) == size) {
            end = write_integer(end, whole);
            *end++ = '.';
            *end++ = '0';
        } else {
            end = write_fraction(end, shortest(bits_of(size)));
        }
    } else if (size == 0) {
        if (std::signbit(value)) *end++ = '-';
        std::memcpy(end, "0.0", 3);
        end += 3;
    } else {
        // Where plain notation ends: as Swift's `description` does.
        end = std::to_chars(text, text + 40, value, std::chars_format::scientific).ptr;
    }
    return static_cast<size_t>(end - text);
}

extern "C" size_t cmartlet_format_integer(int64_t value, char *text) {
    char *end = text;
    uint64_t size = static_cast<uint64_t>(value);
    if (value < 0) {
        *end++ = '-';
        size = 0 - size;
    }
    return static_cast<size_t>(write_integer(end, size) - text);
}
