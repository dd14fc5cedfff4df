// copy SRC DST in C++20: the job of copy.c (read that first), with objects that clean up after themselves.
//
//     c++ -std=c++20 -O2 copy.cpp -o copy $(pkg-config --cflags --libs liburing)

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <fcntl.h>
#include <filesystem>
#include <iostream>
#include <liburing.h>
#include <span>
#include <stdexcept>
#include <string>
#include <system_error>
#include <unistd.h>
#include <vector>

namespace {

namespace fs = std::filesystem;

constexpr unsigned slot_count = 32;
constexpr unsigned piece_size = 128 * 1024;

// liburing doesn't set errno: a failure is -errno, in return values and in completions alike.
int check(int result, const std::string &what)
{
	if (result < 0)
		throw std::system_error(-result, std::system_category(), what);
	return result;
}

class File {
public:
	File(const fs::path &path, int flags) : fd_(open(path.c_str(), flags | O_CLOEXEC, 0644))
	{
		check(fd_ < 0 ? -errno : 0, path.string());
	}
	~File() { close(fd_); }
	File(const File &) = delete;
	File &operator=(const File &) = delete;

	int fd() const { return fd_; }

private:
	int fd_;
};

// A ring and the buffers registered with it. Neither copied nor moved: the buffers' addresses are with the kernel.
class Ring {
public:
	Ring(unsigned entries, unsigned buffers, std::size_t buffer_size)
		: memory_(buffers * buffer_size), buffer_size_(buffer_size)
	{
		check(io_uring_queue_init(entries, &ring_, 0), "io_uring_queue_init");
		std::vector<iovec> list;
		for (unsigned i = 0; i < buffers; i++)
			list.push_back({buffer(i).data(), buffer_size});
		if (const int result = io_uring_register_buffers(&ring_, list.data(), buffers); result < 0) {
			// A constructor that throws gets no destructor call.
			io_uring_queue_exit(&ring_);
			check(result, "io_uring_register_buffers (see `ulimit -l`)");
		}
	}
	~Ring() { io_uring_queue_exit(&ring_); }
	Ring(const Ring &) = delete;
	Ring &operator=(const Ring &) = delete;

	std::span<std::byte> buffer(std::size_t index)
	{
		return std::span(memory_).subspan(index * buffer_size_, buffer_size_);
	}

	io_uring_sqe &next_sqe()
	{
		io_uring_sqe *sqe = io_uring_get_sqe(&ring_);
		if (!sqe)
			throw std::runtime_error("the submission queue is full");
		return *sqe;
	}

	// Submits what is queued, waits, and hands every completion that is there to `take(user_data, result)`.
	// Each is released before `take` sees it, so that a `take` that throws loses none and repeats none.
	template <typename Take> void submit_and_take(Take take)
	{
		const int result = io_uring_submit_and_wait(&ring_, 1);
		if (result != -EINTR)
			check(result, "io_uring_submit_and_wait");
		io_uring_cqe *cqe = nullptr;
		while (io_uring_peek_cqe(&ring_, &cqe) == 0) {
			const auto user_data = cqe->user_data;
			const int outcome = cqe->res;
			io_uring_cqe_seen(&ring_, cqe);
			take(user_data, outcome);
		}
	}

private:
	io_uring ring_{};
	std::vector<std::byte> memory_;
	std::size_t buffer_size_;
};

// One piece of a file on its way; slot i owns registered buffer i.
struct Slot {
	std::uint64_t offset = 0;
	unsigned size = 0;
	unsigned read = 0;
	unsigned written = 0;
	unsigned in_flight = 0;

	void start(std::uint64_t at, unsigned bytes) { *this = {at, bytes, 0, 0, 0}; }
};

class Copier {
public:
	Copier() = default;
	Copier(const Copier &) = delete;
	Copier &operator=(const Copier &) = delete;

	// After an error requests may still be under way: the buffers must outlive them.
	~Copier()
	{
		try {
			while (std::ranges::any_of(slots_, [](const Slot &slot) { return slot.in_flight > 0; }))
				ring_.submit_and_take([this](auto user_data, int) { slots_[user_data / 2].in_flight--; });
		} catch (const std::exception &error) {
			std::cerr << "copy: " << error.what() << '\n';
			std::abort();
		}
	}

	void copy(const File &from, const File &to, std::uint64_t total)
	{
		std::uint64_t next = 0;
		rounds([&](unsigned index) {
			Slot &slot = slots_[index];
			if (slot.in_flight > 0)
				return true;
			if (slot.written == slot.size) {
				if (next == total)
					return false;
				slot.start(next, size_at(next, total));
				next += slot.size;
			}
			if (slot.read < slot.size)
				queue_read(index, from, IOSQE_IO_LINK);
			queue_write(index, to);
			return true;
		});
		io_uring_prep_fsync(&ring_.next_sqe(), to.fd(), 0);
		run("fsync");
	}

	// Slots work in twos, one for each file.
	bool equal(const File &one, const File &other, std::uint64_t total)
	{
		io_uring_prep_fadvise(&ring_.next_sqe(), other.fd(), 0, 0, POSIX_FADV_DONTNEED);
		run("fadvise");
		std::ranges::fill(slots_, Slot{});
		std::uint64_t next = 0;
		bool same = true;
		rounds([&](unsigned index) {
			if (index % 2 == 1)
				return false;
			Slot &a = slots_[index];
			Slot &b = slots_[index + 1];
			if (a.in_flight > 0 || b.in_flight > 0)
				return true;
			if (a.read == a.size && b.read == b.size) {
				same = same && std::ranges::equal(ring_.buffer(index).first(a.size),
								  ring_.buffer(index + 1).first(b.size));
				if (next == total)
					return false;
				a.start(next, size_at(next, total));
				b = a;
				next += a.size;
			}
			if (a.read < a.size)
				queue_read(index, one, 0);
			if (b.read < b.size)
				queue_read(index + 1, other, 0);
			return true;
		});
		return same;
	}

private:
	static unsigned size_at(std::uint64_t offset, std::uint64_t total)
	{
		return static_cast<unsigned>(std::min<std::uint64_t>(total - offset, piece_size));
	}

	// Calls `step` for every slot, then the kernel, until no slot has anything left in flight.
	template <typename Step> void rounds(Step step)
	{
		for (;;) {
			bool busy = false;
			for (unsigned index = 0; index < slot_count; index++)
				busy = step(index) || busy;
			if (!busy)
				return;
			ring_.submit_and_take([this](auto user_data, int result) { account(user_data, result); });
		}
	}

	void queue_read(unsigned index, const File &file, unsigned flags)
	{
		Slot &slot = slots_[index];
		const auto rest = ring_.buffer(index).first(slot.size).subspan(slot.read);
		io_uring_sqe &sqe = ring_.next_sqe();
		io_uring_prep_read_fixed(&sqe, file.fd(), rest.data(), static_cast<unsigned>(rest.size()),
					 slot.offset + slot.read, static_cast<int>(index));
		io_uring_sqe_set_flags(&sqe, flags);
		io_uring_sqe_set_data64(&sqe, index * 2);
		slot.in_flight++;
	}

	void queue_write(unsigned index, const File &file)
	{
		Slot &slot = slots_[index];
		const auto rest = ring_.buffer(index).first(slot.size).subspan(slot.written);
		io_uring_sqe &sqe = ring_.next_sqe();
		io_uring_prep_write_fixed(&sqe, file.fd(), rest.data(), static_cast<unsigned>(rest.size()),
					  slot.offset + slot.written, static_cast<int>(index));
		io_uring_sqe_set_data64(&sqe, index * 2 + 1);
		slot.in_flight++;
	}

	void account(std::uint64_t user_data, int result)
	{
		Slot &slot = slots_[user_data / 2];
		const bool is_write = user_data % 2 == 1;
		slot.in_flight--;
		// A short or failed read cancels the write linked to it; both are queued again.
		if (result == -ECANCELED || result == -EINTR || result == -EAGAIN)
			return;
		if (check(result, is_write ? "write" : "read") == 0)
			throw std::runtime_error(is_write ? "write: no progress" : "the file became shorter meanwhile");
		(is_write ? slot.written : slot.read) += static_cast<unsigned>(result);
	}

	// Runs the one queued request to its end.
	void run(const char *what)
	{
		bool finished = false;
		while (!finished)
			ring_.submit_and_take([&](auto, int result) {
				check(result, what);
				finished = true;
			});
	}

	// Two requests for every slot: io_uring_get_sqe() never finds the queue full.
	Ring ring_{2 * slot_count, slot_count, piece_size};
	std::array<Slot, slot_count> slots_{};
};

void copy_file(const fs::path &source, const fs::path &destination)
{
	if (!fs::is_regular_file(source))
		throw std::runtime_error(source.string() + ": not a regular file");
	if (fs::exists(destination) && fs::equivalent(source, destination))
		throw std::runtime_error(destination.string() + ": is the source itself");
	const File from(source, O_RDONLY);
	const File to(destination, O_RDWR | O_CREAT | O_TRUNC);
	const std::uint64_t total = fs::file_size(source);

	Copier copier;
	const auto start = std::chrono::steady_clock::now();
	copier.copy(from, to, total);
	const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
	if (fs::file_size(destination) != total || !copier.equal(from, to, total))
		throw std::runtime_error("the copy differs from the original");

	std::cout << total << " bytes copied at " << static_cast<std::uint64_t>(static_cast<double>(total) / 1e6 / seconds.count())
		  << " MB/s, read back and equal, with liburing " << io_uring_major_version() << '.'
		  << io_uring_minor_version() << '\n';
}

} // namespace

int main(int argc, char **argv)
{
	const std::span arguments(argv, static_cast<std::size_t>(argc));
	if (arguments.size() != 3) {
		std::cerr << "usage: copy SRC DST\n";
		return 2;
	}
	try {
		copy_file(arguments[1], arguments[2]);
	} catch (const std::exception &error) {
		std::cerr << "copy: " << error.what() << '\n';
		return 1;
	}
}
