# The front door. `make` builds, `make demo` shows, `make check` tests; the rest is below.
# Settings come from the command line or from config.mk, which ./configure writes; neither is needed. From the
# environment only DESTDIR, LDFLAGS and, without a config.mk, CC are read, as the original does.

prefix = /usr
includedir = $(prefix)/include
libdir = $(prefix)/lib
libdevdir = $(libdir)
mandir = $(prefix)/share/man
datadir = $(prefix)/share
ENABLE_SHARED = 1
ENABLE_CMAKE = 1
# 1: system calls through libc on every processor.
USE_LIBC = 0
# 1: keep what debuggers want; packages take it out into files of their own.
DEBUG = 0
# 1: endbr64 where functions begin, for programs linked with -z cet-report=error; 4 bytes and an instruction each.
IBT = 0
# For another processor: Rust's name of the target, and what the names of its compiler and binutils start with.
TARGET =
CROSS =

CARGO = cargo
INSTALL = install
named := $(if $(filter environment,$(origin CC)),$(CC),cc)
CC = $(if $(CROSS),$(CROSS)gcc,$(named))
LD = $(CROSS)ld
AR = $(CROSS)ar
OBJCOPY = $(CROSS)objcopy

# The folder of a ./configure that was called in another one than this, with a slash at its end.
CONFIGURED =
-include $(CONFIGURED)config.mk
# Where everything is built.
OUT = $(CONFIGURED)target
$(if $(strip $(OUT)),,$(error OUT is empty))

# Cargo's settings in the environment are meant for other programs, and would change or break what is built here.
override CARGO_VARIABLES := $(filter RUSTFLAGS RUSTC_WRAPPER RUSTC_WORKSPACE_WRAPPER CARGO_ENCODED_RUSTFLAGS CARGO_INCREMENTAL \
	CARGO_BUILD_% CARGO_PROFILE_% CARGO_TARGET_% CARGO_UNSTABLE_%,$(.VARIABLES))
unexport $(filter-out CARGO_BUILD_JOBS,$(CARGO_VARIABLES))

# src/version.rs defines it, and `make gen` brings it here.
override VERSION := $(shell awk '/define IO_URING_VERSION_M/ { v = v dot $$3; dot = "." } END { print v }' include/liburing/io_uring_version.h)
override SOVERSION := $(firstword $(subst ., ,$(VERSION)))

override PLACE := $(if $(TARGET),/$(TARGET))
# `clean` removes what these name, so the command line of a parent make must not set them.
override LIB := $(OUT)$(PLACE)/lib
# Intermediate files. In a folder other than this tree's own they get a subfolder, which tells `clean` who built there.
override WORK := $(OUT)$(if $(filter-out target,$(OUT)),/.ironring)
override STATICLIB := $(WORK)$(PLACE)/release/liburing.a
override HEADERS := liburing.h $(addprefix liburing/,barrier.h compat.h io_uring.h io_uring_version.h \
	io_uring/bpf_filter.h io_uring/query.h)
# The header of liburing-ffi, with prototypes for the inline helpers, where its cflags lead first.
override FFI_HEADER := liburing/ffi/liburing.h
override NAMES := liburing liburing-ffi
override CMAKE := $(if $(filter 1,$(ENABLE_CMAKE)),liburingConfig.cmake liburingConfigVersion.cmake)
override ARCHIVES := $(NAMES:%=$(LIB)/%.a)
override SHARED := $(if $(filter 1,$(ENABLE_SHARED)),$(NAMES:%=$(LIB)/%.so.$(VERSION)))
# Projects that vendor this tree take the libraries from its src/, as from the original's.
override RESULTS := $(notdir $(ARCHIVES) $(SHARED))
override SRC := $(if $(filter $(CONFIGURED)target,$(OUT)),$(CONFIGURED)src)
override PKGCONFIG := $(NAMES:%=%.pc)

override XTASK := $(CARGO) xtask
override FEATURES := $(if $(filter 1,$(USE_LIBC)),--features use-libc)
override MACHINE := $(or $(TARGET),$(shell $(CC) -dumpmachine))
# Compared with cargo's: archives are made without CC, and would silently be for the wrong processor.
override CPU := $(filter x86_64 aarch64 riscv64,$(firstword $(subst -, ,$(MACHINE))))
# The processors that need no libc, as src/arch/mod.rs has it.
override BARE := x86_64-% aarch64-% riscv64%
override LIBC := $(filter 1,$(USE_LIBC))$(filter-out $(BARE),$(MACHINE))
override NEEDED := $(if $(LIBC),-lc)
# The program's heap, wanted by the shared libraries where there is one (src/probe.rs).
override WEAKEN := $(if $(LIBC),,--weaken-symbol=calloc --weaken-symbol=free)
# A program whose parts don't all have these properties runs without the shadow stack, or without indirect branches
# checked. rustc sets none; the library returns only to where it was called from, so it may say the first.
override PROPERTIES := $(if $(filter x86_64-% i386-% i586-% i686-%,$(MACHINE)),-z shstk $(if $(filter 1,$(IBT)),-z ibt))
# GNU ld for RISC-V misplaces the relocations of .eh_frame under -r --gc-sections (2.40 and 2.44 do), and a program
# linked with such an archive would lose its own tables. The library calls nobody back: nothing unwinds through it.
override DROPPED := .llvmbc .llvmcmd .comment $(if $(filter riscv%,$(MACHINE)),.eh_frame)
# Of the library only: what it depends on would bring the paths of the machine that builds it.
override DEBUGINFO := $(if $(filter 1,$(DEBUG)),--config profile.release.debug=2 --config 'profile.release.package."*".debug=false')
override STRIP_DEBUG := $(if $(filter 1,$(DEBUG)),,--strip-debug --strip-unneeded)

.PHONY: all library install uninstall test runtests demo check quick check-all check-kernels check-platforms check-programs \
	bench gen man doc dist deb rpm clean help FORCE $(RESULTS) $(PKGCONFIG)
all library: $(RESULTS)
	@ls -l $(ARCHIVES) $(SHARED) | awk '{ printf "%8d %s\n", $$5, $$9 }'

help:
	@echo 'make            build liburing and liburing-ffi into $(LIB)'
	@echo 'make demo       build, then run real programs on the library'
	@echo 'make check      build, then run all tests'
	@echo 'make quick      build, then what a change breaks first; under a minute'
	@echo 'make check-all  the long forms too'
	@echo 'make bench      build, then measure against the original; takes some minutes on a quiet machine'
	@echo 'make check-kernels  the tests on Linux 5.10, 6.1, 6.12 and the newest, under qemu'
	@echo 'make check-programs  Debian programs on our packages, in Debian systems of their own; as root'
	@echo 'make check-platforms  the tests on arm64, riscv64 and i686; hours, as processors are emulated'
	@echo 'make TARGET=aarch64-unknown-linux-gnu CROSS=aarch64-linux-gnu-'
	@echo '                build for another processor, into $(OUT)/$$TARGET/lib (docs/platforms.md)'
	@echo 'make install    prefix= libdir= libdevdir= includedir= mandir= datadir= DESTDIR= ENABLE_SHARED=0 ENABLE_CMAKE=0'
	@echo 'make uninstall  with the same settings'
	@echo 'make test       build, then run the C tests, with nothing but a C compiler'
	@echo 'make dist       the release: target/dist/ironring-*.tar.xz, which builds without network'
	@echo 'make deb        Debian packages in target/deb'
	@echo 'make rpm        RPM packages in target/rpm'
	@echo 'make gen        write headers, symbol maps and the manual from the Rust source and man/*.md'
	@echo 'make man        show a page: make man PAGE=io_uring_prep_read; for the web: docs/manual/index.html'
	@echo 'make doc        the source with the manual in it, for Rust readers: target/doc/ironring/index.html'
	@echo 'make clean      remove target/ (libraries, tests, the cached peer), or what was built in OUT'

# A folder of crates, as a source archive has it and `cargo vendor` makes it.
VENDOR = $(wildcard vendor)
CRATES = $(if $(VENDOR),--config 'source.crates-io.replace-with="vendor"' \
	--config 'source.vendor.directory="$(abspath $(VENDOR))"')

# Cargo knows what is out of date. In /, where the .cargo/config.toml of a project around this one doesn't count.
$(STATICLIB): FORCE
	@command -v $(CARGO) >/dev/null || { echo 'there is no cargo: apt-get install cargo, or see rustup.rs'; exit 1; }
	@[ -n "$(TARGET)" ] || $(CARGO) -vV | grep -q '^host: $(CPU)' || { \
		echo 'CC is for $(CPU), cargo is not: name TARGET= and CROSS=, see docs/platforms.md'; exit 1; }
	@cd / && CARGO_ENCODED_RUSTFLAGS= $(CARGO) rustc --quiet --locked --release \
		--manifest-path '$(CURDIR)/crates/shipped/Cargo.toml' $(CRATES) $(FEATURES) --target-dir '$(abspath $(WORK))' \
		$(DEBUGINFO) $(if $(TARGET),--target $(TARGET)) \
		-- -C relocation-model=pie -C no-vectorize-loops -C no-vectorize-slp \
		$(if $(filter 1,$(IBT)),-C llvm-args=-x86-indirect-branch-tracking) \
		--remap-path-prefix=crates/shipped/../../= '--remap-path-prefix=$(CURDIR)=ironring'

# An object with only what its part of the API reaches, and only that part's names global.
$(LIB)/%.o: $(STATICLIB) src/%.keep src/archive.ld Makefile
	@mkdir -p $(@D)
	@$(LD) -r --gc-sections $(PROPERTIES) -T src/archive.ld $$(sed 's/^/-u /' src/$*.keep) -o $@.tmp $(STATICLIB)
	@$(OBJCOPY) --keep-global-symbols=src/$*.keep $(STRIP_DEBUG) $(if $(filter $(NAMES),$*),$(WEAKEN)) \
		$(DROPPED:%=--remove-section=%) $@.tmp $@
	@rm $@.tmp

# The shared libraries are one object each. The archives have members as the original's: a program may have some of the
# functions itself, and both archives may be in one link.
override MEMBERS := $(sort $(patsubst src/%.keep,$(LIB)/%.o,$(wildcard src/members/*.keep)))
$(LIB)/liburing.a: $(filter-out %/ffi.o,$(MEMBERS))
$(LIB)/liburing-ffi.a: $(MEMBERS)
$(ARCHIVES): Makefile
	@rm -f $@
	@$(AR) rcsD $@ $(filter %.o,$^)

# Not by cargo: rustc adds a version script of its own, and the linkers then drop ours or refuse.
$(LIB)/%.so.$(VERSION): $(LIB)/%.o src/%.map Makefile
	@$(CC) -shared -nostdlib $(LDFLAGS) -Wl,--version-script=src/$*.map -Wl,-soname,$*.so.$(SOVERSION) \
		-Wl,-z,defs -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack -Wl,-Bsymbolic -Wl,--hash-style=gnu \
		-Wl,--as-needed -o $@ $< $(NEEDED)
	@ln -sf $(@F) $(LIB)/$*.so.$(SOVERSION)
	@ln -sf $(@F) $(LIB)/$*.so

$(RESULTS): %: $(LIB)/%
	@$(if $(SRC),cmp -s $< $(SRC)/$@ || cp $< $(SRC)/$@)

.PRECIOUS: $(LIB)/%.o
.SECONDARY:

gen:
	@$(XTASK) gen

PAGE = io_uring
man:
	@man -M $(CURDIR)/man $(PAGE)

doc:
	@$(XTASK) man --doc

# For who builds packages: our C tests, with nothing but cc.
test: all
	@CC='$(CC)' test-c/run $(LIB) $(WORK)/test

# As the original calls it; a recipe may ask for both at once.
runtests: test

demo: all
	@$(XTASK) demo

check: all
	@$(XTASK) check

quick: all
	@$(XTASK) check --quick

check-all: all
	@$(XTASK) check --all

bench: all
	@$(XTASK) bench

check-kernels: all
	@$(XTASK) kernels

check-programs: all
	@$(XTASK) programs

dist:
	@$(XTASK) dist

deb:
	@$(XTASK) deb

rpm:
	@$(XTASK) rpm

check-platforms: all
	@$(XTASK) platforms

# libdevdir's links lead to libdir when the two differ.
override DEVLINK := $(if $(filter-out $(libdevdir),$(libdir)),$(libdir)/)

# For pkg-config: a folder by way of its variable, so that a tree can be moved.
inprefix = $(patsubst $(prefix)/%,$${prefix}/%,$(1))
override FILL := sed -e 's|@prefix@|$(prefix)|' -e 's|@libdir@|$(call inprefix,$(libdevdir))|' \
	-e 's|@includedir@|$(call inprefix,$(includedir))|' -e 's|@VERSION@|$(VERSION)|'

# As the original leaves them in its tree.
$(PKGCONFIG): %: pkgconfig/%.in
	@$(FILL) $< > $(CONFIGURED)$@

config-host.mak:
	@[ -e $(CONFIGURED)$@ ] || ./configure

install: all
	@for h in $(HEADERS); do $(INSTALL) -D -m 644 include/$$h $(DESTDIR)$(includedir)/$$h || exit 1; done
	@$(INSTALL) -D -m 644 include/ffi/liburing.h $(DESTDIR)$(includedir)/$(FFI_HEADER)
	@for n in $(NAMES); do \
		$(INSTALL) -D -m 644 $(LIB)/$$n.a $(DESTDIR)$(libdevdir)/$$n.a || exit 1; \
		$(INSTALL) -d -m 755 $(DESTDIR)$(libdevdir)/pkgconfig || exit 1; \
		$(FILL) pkgconfig/$$n.pc.in > $(DESTDIR)$(libdevdir)/pkgconfig/$$n.pc || exit 1; \
		chmod 644 $(DESTDIR)$(libdevdir)/pkgconfig/$$n.pc; \
	done
	@for f in $(CMAKE); do \
		$(INSTALL) -d -m 755 $(DESTDIR)$(libdevdir)/cmake/liburing || exit 1; \
		sed -e 's|@VERSION@|$(VERSION)|' -e 's|@SOVERSION@|$(SOVERSION)|' -e 's|@INCLUDEDIR@|$(includedir)|' \
			-e 's|@LIBDEVDIR@|$(libdevdir)|' cmake/$$f.in > $(DESTDIR)$(libdevdir)/cmake/liburing/$$f || exit 1; \
		chmod 644 $(DESTDIR)$(libdevdir)/cmake/liburing/$$f; \
	done
ifeq ($(ENABLE_SHARED),1)
	@for n in $(NAMES); do \
		$(INSTALL) -D -m 755 $(LIB)/$$n.so.$(VERSION) $(DESTDIR)$(libdir)/$$n.so.$(VERSION) || exit 1; \
		ln -sf $$n.so.$(VERSION) $(DESTDIR)$(libdir)/$$n.so.$(SOVERSION) || exit 1; \
		ln -sf $(DEVLINK)$$n.so.$(VERSION) $(DESTDIR)$(libdevdir)/$$n.so || exit 1; \
	done
endif
	@for s in 2 3 7; do for page in man/man$$s/*.$$s; do \
		[ ! -e $$page ] || $(INSTALL) -D -m 644 $$page $(DESTDIR)$(mandir)/man$$s/$${page##*/} || exit 1; done; done
	@echo 'installed under $(DESTDIR)$(prefix)'
	@[ -n "$(DESTDIR)" ] || echo 'run ldconfig; then "ldconfig -p | grep liburing" lists what programs find, best first'

uninstall:
	@rm -f $(patsubst %,$(DESTDIR)$(includedir)/%,$(HEADERS) $(FFI_HEADER)) $(CMAKE:%=$(DESTDIR)$(libdevdir)/cmake/liburing/%) \
		$(foreach n,$(NAMES),$(DESTDIR)$(libdevdir)/$n.a $(DESTDIR)$(libdevdir)/$n.so \
		$(DESTDIR)$(libdevdir)/pkgconfig/$n.pc $(DESTDIR)$(libdir)/$n.so.$(SOVERSION) $(DESTDIR)$(libdir)/$n.so.$(VERSION))
	@-rmdir $(DESTDIR)$(includedir)/liburing/ffi $(DESTDIR)$(includedir)/liburing/io_uring $(DESTDIR)$(includedir)/liburing \
		$(DESTDIR)$(libdevdir)/cmake/liburing 2>/dev/null || true
	@for s in 2 3 7; do for page in man/man$$s/*.$$s; do rm -f $(DESTDIR)$(mandir)/man$$s/$${page##*/}; done; done
	@echo 'uninstalled from $(DESTDIR)$(prefix)'

# Never a whole folder that OUT names: it may hold other files.
clean:
	@if [ -d $(WORK) ]; then rm -rf $(WORK) && \
		rm -f $(foreach n,$(NAMES),$(addprefix $(LIB)/$n.,o a so so.$(SOVERSION) so.$(VERSION))) $(MEMBERS) && \
		{ rmdir $(LIB)/members $(LIB) $(OUT) 2>/dev/null || :; }; fi
	@rm -f $(if $(SRC),$(RESULTS:%=$(SRC)/%)) $(PKGCONFIG:%=$(CONFIGURED)%)
