# `make help` lists the targets. Settings come from the command line or from config.mk, which ./configure writes; neither
# is required. From the environment only DESTDIR, LDFLAGS and, without a config.mk, CC are read, as in the original.

prefix = /usr
bindir = $(prefix)/bin
includedir = $(prefix)/include
libdir = $(prefix)/lib
libdevdir = $(libdir)
mandir = $(prefix)/share/man
datadir = $(prefix)/share
ENABLE_SHARED = 1
ENABLE_CMAKE = 1
# 0: leave out the flavour with the engine, io_uring in user space.
ENABLE_ENGINE = 1
# 1: system calls through libc on every processor.
USE_LIBC = 0
# 1: keep debug information; packages extract it into separate files.
DEBUG = 0
# 1: begin each function with endbr64, for programs linked with -z cet-report=error; costs 4 bytes and an instruction.
IBT = 0
# To cross-compile: Rust's name for the target, and the prefix of its C compiler and binutils.
TARGET =
CROSS =

CARGO = cargo
INSTALL = install
named := $(if $(filter environment,$(origin CC)),$(CC),cc)
CC = $(if $(CROSS),$(CROSS)gcc,$(named))
LD = $(CROSS)ld
AR = $(CROSS)ar
OBJCOPY = $(CROSS)objcopy

# The directory in which ./configure was run if it is not this one, with a trailing slash.
CONFIGURED =
-include $(CONFIGURED)config.mk
# The build directory.
OUT = $(CONFIGURED)target
$(if $(strip $(OUT)),,$(error OUT is empty))

# Cargo's settings in the environment are meant for other programs; here they would change or break the build.
override CARGO_VARIABLES := $(filter RUSTFLAGS RUSTC_WRAPPER RUSTC_WORKSPACE_WRAPPER CARGO_ENCODED_RUSTFLAGS CARGO_INCREMENTAL \
	CARGO_BUILD_% CARGO_PROFILE_% CARGO_TARGET_% CARGO_UNSTABLE_%,$(.VARIABLES))
unexport $(filter-out CARGO_BUILD_JOBS,$(CARGO_VARIABLES))

# Defined in src/version.rs; `make gen` writes it to the header.
override VERSION := $(shell awk '/define IO_URING_VERSION_M/ { v = v dot $$3; dot = "." } END { print v }' include/liburing/io_uring_version.h)
override SOVERSION := $(firstword $(subst ., ,$(VERSION)))

override PLACE := $(if $(TARGET),/$(TARGET))
# `clean` removes these, so a parent make's command line must not override them.
override LIB := $(OUT)$(PLACE)/lib
# Intermediate files. In a directory other than target/ they get a subdirectory, by which `clean` knows what is ours.
override WORK := $(OUT)$(if $(filter-out target,$(OUT)),/.ironring)
override STATICLIB := $(WORK)$(PLACE)/release/liburing.a
# The flavour with the engine: the same shared libraries over io_uring in user space.
override ENGINE := $(OUT)$(PLACE)/engine/lib
override ENGINE_STATICLIB := $(WORK)$(PLACE)/release/liburing_engine.a
# The command.
override TOOL := $(OUT)$(PLACE)/bin/ironring
override HEADERS := liburing.h $(addprefix liburing/,barrier.h compat.h io_uring.h io_uring_version.h \
	io_uring/bpf_filter.h io_uring/query.h)
# The header of liburing-ffi, with prototypes for the inline helpers; liburing-ffi.pc puts its directory first.
override FFI_HEADER := liburing/ffi/liburing.h
override NAMES := liburing liburing-ffi
override CMAKE := $(if $(filter 1,$(ENABLE_CMAKE)),liburingConfig.cmake liburingConfigVersion.cmake)
override ARCHIVES := $(NAMES:%=$(LIB)/%.a)
override SHARED := $(if $(filter 1,$(ENABLE_SHARED)),$(NAMES:%=$(LIB)/%.so.$(VERSION)))
override ENGINE_SHARED := $(if $(filter 11,$(ENABLE_ENGINE)$(ENABLE_SHARED)),$(NAMES:%=$(ENGINE)/%.so.$(VERSION)))
# Projects that vendor this tree expect the libraries in src/, as in the original's tree.
override RESULTS := $(notdir $(ARCHIVES) $(SHARED))
override SRC := $(if $(filter $(CONFIGURED)target,$(OUT)),$(CONFIGURED)src)
override PKGCONFIG := $(NAMES:%=%.pc)

override XTASK := $(CARGO) xtask
override FEATURES := $(if $(filter 1,$(USE_LIBC)),--features use-libc)
override MACHINE := $(or $(TARGET),$(shell $(CC) -dumpmachine))
# Compared with cargo's host: archives are built without CC, and would silently be for the wrong processor.
override CPU := $(filter x86_64 aarch64 riscv64,$(firstword $(subst -, ,$(MACHINE))))
# The processors that need no libc; crates/linux/src/arch/mod.rs has the same list.
override BARE := x86_64-% aarch64-% riscv64%
override LIBC := $(filter 1,$(USE_LIBC))$(filter-out $(BARE),$(MACHINE))
override NEEDED := $(if $(LIBC),-lc)
# Threads are in a library of their own before glibc 2.34; elsewhere -lpthread adds nothing.
override ENGINE_NEEDED := -lpthread -lc
# The shared libraries use the program's heap if there is one (src/probe.rs).
override WEAKEN := $(if $(LIBC),,--weaken-symbol=calloc --weaken-symbol=free)
# A program runs without a shadow stack, or without checked indirect branches, unless all its parts have these
# properties. rustc sets neither. The library returns only to its callers, so it may claim the first.
override PROPERTIES := $(if $(filter x86_64-% i386-% i586-% i686-%,$(MACHINE)),-z shstk $(if $(filter 1,$(IBT)),-z ibt))
# The same for arm64, where only linkers since binutils 2.44 can set it.
override GCS := $(if $(filter aarch64-%,$(MACHINE)),$(if $(findstring gcs=,$(shell $(CC) $(LDFLAGS) -Wl,--help)),-z gcs=always))
# GNU ld 2.40 and 2.44 for RISC-V misplace the relocations of .eh_frame under -r --gc-sections, and a program linked
# with such an archive would lose its own tables. The library never calls back, so nothing unwinds through it.
override DROPPED := .llvmbc .llvmcmd .comment $(if $(filter riscv%,$(MACHINE)),.eh_frame)
# For the library only: its dependencies would add paths of the build machine.
override DEBUGINFO := $(if $(filter 1,$(DEBUG)),--config profile.release.debug=2 --config 'profile.release.package."*".debug=false')
override STRIP_DEBUG := $(if $(filter 1,$(DEBUG)),,--strip-debug --strip-unneeded)

.PHONY: all library tool install install-tool uninstall uninstall-tool test runtests demo check quick check-all \
	check-kernels check-platforms check-programs bench gen man man-html doc dist deb rpm clean help FORCE $(RESULTS) $(PKGCONFIG)
all library: $(RESULTS) $(ENGINE_SHARED)
	@ls -l $(ARCHIVES) $(SHARED) $(ENGINE_SHARED) | awk '{ printf "%8d %s\n", $$5, $$9 }'

help:
	@echo 'Build'
	@echo '  make                  build liburing and liburing-ffi into $(LIB), and'
	@echo '                        their flavour with the engine into $(ENGINE)'
	@echo '  make TARGET=aarch64-unknown-linux-gnu CROSS=aarch64-linux-gnu-'
	@echo '                        cross-compile into $(OUT)/$$TARGET/lib (docs/platforms.md)'
	@echo '  make tool             build the command ironring; fetches crates from crates.io'
	@echo '  make clean            remove $(OUT)/; if OUT is set, only what was built there'
	@echo
	@echo 'Install'
	@echo '  make install          install libraries, headers and manual pages; settings:'
	@echo '                        prefix= libdir= libdevdir= includedir= mandir= datadir='
	@echo '                        DESTDIR= ENABLE_SHARED=0 ENABLE_CMAKE=0 ENABLE_ENGINE=0'
	@echo '  make uninstall        remove them; use the same settings'
	@echo '  make install-tool     install the command ironring and its manual page; settings:'
	@echo '                        prefix= bindir= mandir= DESTDIR='
	@echo '  make uninstall-tool   remove them; use the same settings'
	@echo '  make deb              build Debian packages of the last commit in target/deb'
	@echo '  make rpm              build RPM packages of the last commit in target/rpm'
	@echo '  make dist             build the source archive, target/dist/ironring-*.tar.xz;'
	@echo '                        it builds without network'
	@echo
	@echo 'Try and test'
	@echo '  make demo             run example programs and qemu-img on the library'
	@echo '  make test             run the C tests; needs no more than make'
	@echo '  make quick            run the fastest checks; about a minute'
	@echo '  make check            run the checks that a change needs'
	@echo '  make check-all        run the remaining checks; hours (cargo xtask --list)'
	@echo '  make check-kernels    test on Linux 5.10, 6.1, 6.12 and the newest, under qemu'
	@echo '  make check-platforms  test on arm64, riscv64, i686 and others; takes hours'
	@echo '  make check-programs   run Debian programs on our packages; needs root'
	@echo '  make bench            compare times with the original; takes minutes'
	@echo
	@echo 'Source and documentation'
	@echo '  make gen              generate headers, symbol maps and manual'
	@echo '  make man PAGE=NAME    show a manual page; PAGE=liburing lists all pages'
	@echo '  make man-html         write the manual as HTML: $(OUT)/manual/html/index.html'
	@echo '  make doc              generate Rust documentation with the manual:'
	@echo '                        target/doc/ironring/index.html'

# A directory of crates, as in the source archive or made by `cargo vendor`.
VENDOR = $(wildcard vendor)
CRATES = $(if $(VENDOR),--config 'source.crates-io.replace-with="vendor"' \
	--config 'source.vendor.directory="$(abspath $(VENDOR))"')

override define have_cargo
@command -v $(CARGO) >/dev/null || { echo 'cargo not found; install it with: apt-get install cargo (or see rustup.rs)'; exit 1; }
@[ -n "$(TARGET)" ] || $(CARGO) -vV | grep -q '^host: $(CPU)' || { \
	echo 'CC compiles for $(CPU), cargo does not; set TARGET= and CROSS= (docs/platforms.md)'; exit 1; }
endef

# With IBT no jump tables: their targets would need endbr64, too.
# Cargo decides what is out of date. It runs in /, so that a surrounding project's .cargo/config.toml does not apply.
# $(1): the crate.
define cargo
$(have_cargo)
@cd / && CARGO_ENCODED_RUSTFLAGS='--remap-path-prefix=$(CURDIR)=ironring' $(CARGO) rustc --quiet --locked --release \
	--manifest-path '$(CURDIR)/crates/$(1)/Cargo.toml' $(CRATES) $(FEATURES) --target-dir '$(abspath $(WORK))' \
	$(DEBUGINFO) $(if $(TARGET),--target $(TARGET)) \
	-- -C relocation-model=pie -C no-vectorize-loops -C no-vectorize-slp \
	$(if $(filter 1,$(IBT)),-C llvm-args=-x86-indirect-branch-tracking -C llvm-args=-min-jump-table-entries=4294967295) \
	--remap-path-prefix=crates/$(1)/../../=
endef

$(STATICLIB): FORCE
	$(call cargo,shipped)

$(ENGINE_STATICLIB): FORCE
	$(call cargo,engine-shipped)

# Not part of `all`: the libraries must build without network, and the command uses crates from crates.io.
tool: $(TOOL)
$(TOOL): FORCE
	$(have_cargo)
	@cd / && CARGO_ENCODED_RUSTFLAGS='--remap-path-prefix=$(CURDIR)=ironring' $(CARGO) build --quiet --locked --release \
		--manifest-path '$(CURDIR)/crates/tool/Cargo.toml' --target-dir '$(abspath $(WORK))' \
		$(if $(TARGET),--target $(TARGET) --config 'target.$(TARGET).linker="$(CC)"')
	@mkdir -p $(@D)
	@cmp -s $(WORK)$(PLACE)/release/ironring $@ || cp $(WORK)$(PLACE)/release/ironring $@

# An object with only the code that its part of the API reaches, and only that part's names global.
# $(1): the linker's options; $(2): objcopy's.
define object
@mkdir -p $(@D)
@$(LD) -r --gc-sections $(PROPERTIES) $(1) $$(sed 's/^/-u /' src/$*.keep) -o $@.tmp $<
@$(OBJCOPY) --keep-global-symbols=src/$*.keep $(STRIP_DEBUG) $(2) $(DROPPED:%=--remove-section=%) $@.tmp $@
@rm $@.tmp
endef

$(LIB)/%.o: $(STATICLIB) src/%.keep src/archive.ld Makefile
	$(call object,-T src/archive.ld,$(if $(filter $(NAMES),$*),$(WEAKEN)))

# The handle is for libc's part of the link; the map hides it.
$(ENGINE)/%.o: $(ENGINE_STATICLIB) src/%.keep Makefile
	$(call object,-u __dso_handle,--keep-global-symbol=__dso_handle)

# Each shared library is one object. The archives have members, like the original's: a program may define some of the
# functions itself, or link both archives.
override MEMBERS := $(sort $(patsubst src/%.keep,$(LIB)/%.o,$(wildcard src/members/*.keep)))
$(LIB)/liburing.a: $(filter-out %/ffi.o,$(MEMBERS))
$(LIB)/liburing-ffi.a: $(MEMBERS)
$(ARCHIVES): Makefile
	@rm -f $@
	@$(AR) rcsD $@ $(filter %.o,$^)

# Not by cargo: rustc adds a version script of its own, and the linkers then drop ours or refuse.
# $(1): the linker's options; $(2): the libraries.
define shared
@$(CC) -shared -nostdlib $(LDFLAGS) -Wl,--version-script=src/$*.map -Wl,-soname,$*.so.$(SOVERSION) \
	-Wl,-z,defs -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack -Wl,-Bsymbolic -Wl,--hash-style=gnu \
	$(1) -Wl,--as-needed -o $@ $< $(2)
@ln -sf $(@F) $(@D)/$*.so.$(SOVERSION)
@ln -sf $(@F) $(@D)/$*.so
endef

$(LIB)/%.so.$(VERSION): $(LIB)/%.o src/%.map Makefile
	$(call shared,,$(NEEDED))

# Its threads may outlive a dlclose. The properties again, because libc's part of the link may lack them.
$(ENGINE)/%.so.$(VERSION): $(ENGINE)/%.o src/%.map Makefile
	$(call shared,-z nodelete $(PROPERTIES) $(GCS),$(ENGINE_NEEDED))

$(RESULTS): %: $(LIB)/%
	@$(if $(SRC),cmp -s $< $(SRC)/$@ || cp $< $(SRC)/$@)

.PRECIOUS: $(LIB)/%.o $(ENGINE)/%.o
.SECONDARY:

gen:
	@$(CARGO) gen

PAGE = io_uring
man:
	@man -M $(CURDIR)/man $(PAGE)

man-html:
	@man/html $(OUT)/manual/html

doc:
	@$(XTASK) manual --doc

# For package builders: our C tests, with only a C compiler.
test: all
	@CC='$(CC)' test-c/run $(LIB) $(WORK)/test

# The original's name for it; a recipe may call both at once.
runtests: test

demo: all
	@demo/run

check: all
	@$(XTASK) check

quick: all
	@$(XTASK) check --tier quick

check-all: all
	@$(XTASK) check --tier all

bench: all
	@$(XTASK) bench

check-kernels: all
	@$(XTASK) kernels

check-programs: all
	@$(XTASK) programs

dist:
	@$(CARGO) pack dist

deb:
	@$(CARGO) pack deb

rpm:
	@$(CARGO) pack rpm

check-platforms: all
	@$(XTASK) platforms

# Not where the dynamic linker looks by itself: the operator chooses the flavour, for a program or for the system.
override ENGINE_DIR := $(DESTDIR)$(libdir)/ironring

# libdevdir's links lead to libdir when the two differ.
override DEVLINK := $(if $(filter-out $(libdevdir),$(libdir)),$(libdir)/)

# For pkg-config: a directory relative to its variable, so that an installed tree can be moved.
inprefix = $(patsubst $(prefix)/%,$${prefix}/%,$(1))
override FILL := sed -e 's|@prefix@|$(prefix)|' -e 's|@libdir@|$(call inprefix,$(libdevdir))|' \
	-e 's|@includedir@|$(call inprefix,$(includedir))|' -e 's|@VERSION@|$(VERSION)|'

# The original creates them in its tree.
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
	@for f in $(ENGINE_SHARED:$(ENGINE)/%=%); do \
		$(INSTALL) -D -m 755 $(ENGINE)/$$f $(ENGINE_DIR)/$$f || exit 1; \
		ln -sf $$f $(ENGINE_DIR)/$${f%$(VERSION)}$(SOVERSION) || exit 1; \
	done
	@for s in 2 3 7; do for page in man/man$$s/*.$$s; do \
		[ ! -e $$page ] || $(INSTALL) -D -m 644 $$page $(DESTDIR)$(mandir)/man$$s/$${page##*/} || exit 1; done; done
	@echo 'installed under $(DESTDIR)$(prefix)'
	@[ -n "$(DESTDIR)" ] || echo 'now run ldconfig; "ldconfig -p | grep liburing" lists what programs find, the preferred library first'
	@$(if $(ENGINE_SHARED),echo 'where the system refuses io_uring: LD_LIBRARY_PATH=$(libdir)/ironring PROGRAM')

uninstall:
	@rm -f $(patsubst %,$(DESTDIR)$(includedir)/%,$(HEADERS) $(FFI_HEADER)) $(CMAKE:%=$(DESTDIR)$(libdevdir)/cmake/liburing/%) \
		$(foreach n,$(NAMES),$(DESTDIR)$(libdevdir)/$n.a $(DESTDIR)$(libdevdir)/$n.so \
		$(DESTDIR)$(libdevdir)/pkgconfig/$n.pc $(DESTDIR)$(libdir)/$n.so.$(SOVERSION) $(DESTDIR)$(libdir)/$n.so.$(VERSION) \
		$(ENGINE_DIR)/$n.so.$(SOVERSION) $(ENGINE_DIR)/$n.so.$(VERSION))
	@-rmdir $(DESTDIR)$(includedir)/liburing/ffi $(DESTDIR)$(includedir)/liburing/io_uring $(DESTDIR)$(includedir)/liburing \
		$(DESTDIR)$(libdevdir)/cmake/liburing $(ENGINE_DIR) 2>/dev/null || true
	@for s in 2 3 7; do for page in man/man$$s/*.$$s; do rm -f $(DESTDIR)$(mandir)/man$$s/$${page##*/}; done; done
	@echo 'uninstalled from $(DESTDIR)$(prefix)'

# The page is installed with the command only: recipes for the original's libraries don't know it.
install-tool: tool
	@$(INSTALL) -D -m 755 $(TOOL) $(DESTDIR)$(bindir)/ironring
	@$(INSTALL) -D -m 644 man/man1/ironring.1 $(DESTDIR)$(mandir)/man1/ironring.1
	@echo 'installed $(DESTDIR)$(bindir)/ironring'

uninstall-tool:
	@rm -f $(DESTDIR)$(bindir)/ironring $(DESTDIR)$(mandir)/man1/ironring.1
	@echo 'uninstalled $(DESTDIR)$(bindir)/ironring'

# Never the whole directory that OUT names: it may hold other files.
clean:
	@if [ -d $(WORK) ]; then rm -rf $(WORK) && \
		rm -f $(foreach n,$(NAMES),$(addprefix $(LIB)/$n.,o a so so.$(SOVERSION) so.$(VERSION)) \
			$(addprefix $(ENGINE)/$n.,o so so.$(SOVERSION) so.$(VERSION))) $(MEMBERS) $(TOOL) && \
		{ rmdir $(dir $(TOOL)) $(LIB)/members $(LIB) $(ENGINE) $(ENGINE:%/lib=%) $(OUT) 2>/dev/null || :; }; fi
	@rm -f $(if $(SRC),$(RESULTS:%=$(SRC)/%)) $(PKGCONFIG:%=$(CONFIGURED)%)
