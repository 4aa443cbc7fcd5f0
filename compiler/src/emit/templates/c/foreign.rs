//! What C calls: `include/{{ name }}.h`.

#[cfg(feature = "cli")]
compile_error!("the C interface goes without the program: build with --no-default-features --features c");

use super::runtime::isa::{self, foreign};
use super::{Arena, FIT, {% if several %}Kernels, {% endif %}infer};

foreign::functions!(
    {{ name }}_arena_size,
    {{ name }}_cpu_is_supported,
    {{ name }}_run,
    Arena,
    {{ detect }},
    |image, arena, put| infer({% if several %}Kernels::best(), {% endif %}image, arena, &mut isa::Team::alone()){% if scores %}.iter().copied(){% else %}.reals(){% endif %}.for_each(put)
);

foreign::fit_functions!({{ name }}_fit_memory, {{ name }}_fit, FIT);

/// Nothing here panics; a library without the standard one has to say what would happen.
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}
