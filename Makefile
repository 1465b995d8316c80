# make [all|check|fuzz-cpu|bench|demo|format|install|clean] [O=dir] [V=1]
# Sources are found by wildcard: adding a file needs no edit here.

O = build
PROGRAM = $(if $(filter build,$O),clutch,$O/clutch)

.DEFAULT_GOAL := all
include $O/config.mk
$O/config.mk: configure
	./configure --build=$O $(CONFIGURE_ARGS)
$O/config.h: $O/config.mk ;

ROOMS = cpu machine machine/pc devices devices/block devices/net devices/char devices/audio accel accel/jit ui ui/gdb ui/term $(if $(filter yes,$(SDL)),ui/sdl)
ALL_SOURCES := $(wildcard $(ROOMS:=/*.c))
TEST_SOURCES := $(filter %_test.c,$(ALL_SOURCES)) $(wildcard tests/*_test.c tests/*/*_test.c)
SOURCES := $(filter-out %_test.c,$(ALL_SOURCES))
ROM_SOURCES := $(wildcard roms/*.S)

OBJECTS := $(SOURCES:%.c=$O/obj/%.o) $O/obj/roms.o
TESTS := $(TEST_SOURCES:%.c=$O/tests/%)
ROMS := $(ROM_SOURCES:%.S=$O/%.bin)
LIBRARY = $O/libclutch.a
MAIN = $O/obj/ui/main.o
EXEC_OBJECTS := $(filter $O/obj/cpu/exec_%,$(OBJECTS))

COMPILE = $(CC) -std=gnu17 $(CFLAGS) $(WARNINGS) $(EXTRA) -D_GNU_SOURCE -I. -I$O $(LIB_CFLAGS) -MMD -MP
# $(call run,LABEL,command): the label alone unless V=1.
run = $(if $V,,@echo "  $1 $@";)$2

.PHONY: all roms tests check fuzz-cpu bench demo format install clean
.DELETE_ON_ERROR:
.SECONDARY:

all: $(PROGRAM) roms

$(PROGRAM): $(MAIN) $(LIBRARY)
	$(call run,LINK,$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS))

$(LIBRARY): $(filter-out $(MAIN),$(OBJECTS))
	@rm -f $@
	$(call run,AR  ,$(AR) rcs $@ $^)

# Instruction handlers have flags of their own (configure, "handler dispatch").
$(EXEC_OBJECTS): EXTRA = $(EXEC_CFLAGS)

$O/obj/%.o: %.c $O/config.mk $O/config.h
	@mkdir -p $(@D)
	$(call run,CC  ,$(COMPILE) -c -o $@ $<)

$O/tests/%: $O/obj/%.o $(LIBRARY)
	@mkdir -p $(@D)
	$(call run,LINK,$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS))

# ROMs: roms/X.S, linked by roms/X.ld, or as one flat piece at the address that a line "Origin: 0x7c00" in it tells (0).
# With 64-bit code in it (roms/test64.inc), by way of a 64-bit object.
rom_is64 = $(shell grep -l roms/test64.inc $<)
roms: $(ROMS)

$O/roms/%.bin: roms/%.S $(wildcard roms/*.ld roms/*.inc) $O/config.mk
	@mkdir -p $(@D)
	$(call run,ROM ,$(ROM_CC) $(if $(rom_is64),-m64,-m32) -I. -MMD -MP -MT $@ -MF $(@:.bin=.d) -c -o $(@:.bin=.o) $<)
	@$(ROM_LD) -m $(if $(rom_is64),elf_x86_64,elf_i386) -N -e 0 --build-id=none $(if $(wildcard roms/$*.ld),-T roms/$*.ld,\
	    -Ttext=$(or $(shell sed -n 's/.*Origin: *\(0x[0-9a-fA-F]*\).*/\1/p' $< | head -n 1),0)) \
	    -o $(@:.bin=.elf) $(@:.bin=.o)
	@$(ROM_OBJCOPY) -O binary $(@:.bin=.elf) $@

$O/roms/roms.c: roms/embed.sh $(ROMS)
	@mkdir -p $(@D)
	$(call run,GEN ,sh roms/embed.sh $(ROMS) >$@)

$O/obj/roms.o: $O/roms/roms.c
	@mkdir -p $(@D)
	$(call run,CC  ,$(COMPILE) -c -o $@ $<)

tests: $(TESTS)

check: all tests
	@O=$O CLUTCH=$(abspath $(PROGRAM)) sh tests/run.sh $(TESTS)

# The interpreter against this host's processor, with new seeds until something differs.
fuzz-cpu: $O/tests/tests/silicon_test
	SILICON_ENDLESS=1 $<

bench: all
	@O=$O CLUTCH=$(abspath $(PROGRAM)) sh tests/bench.sh

demo: all
	@O=$O CLUTCH=$(abspath $(PROGRAM)) sh tests/demo.sh

format:
	clang-format -i $(wildcard $(ROOMS:=/*.[ch]) tests/*.[ch] tests/*/*.[ch])

install: all
	install -D -m 755 $(PROGRAM) $(DESTDIR)$(PREFIX)/bin/clutch

clean:
	rm -rf $O/obj $O/tests $O/roms $(LIBRARY) $(PROGRAM)

-include $(OBJECTS:.o=.d) $(TEST_SOURCES:%.c=$O/obj/%.d) $(ROMS:.bin=.d)
