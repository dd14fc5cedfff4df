// Uses the module alone, no header.
import uring;

int main()
{
	io_uring_sqe sqe{};
	io_uring_cqe *cqe = nullptr;

	io_uring_prep_read(&sqe, 3, nullptr, 5, 7);
	io_uring_prep_nop(&sqe);
	io_uring_sqe_set_data64(&sqe, 7);
	return sqe.opcode != 0 || sqe.user_data != 7 || cqe != nullptr;
}
