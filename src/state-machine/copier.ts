const SLAB_BYTES = 16 * 1024
const LARGEST_PART = 1024

/**
 * Copies bytes. An array of its own for each short copy would cost four times as much as a part of a shared one, and the
 * garbage collector as much again; but the shared one stays while any of its parts does.
 */
export class Copier {
  #slab = new Uint8Array(SLAB_BYTES)
  #used = 0

  copy(bytes: Uint8Array): Uint8Array {
    const { length } = bytes
    if (length > LARGEST_PART) return new Uint8Array(bytes)
    if (this.#used + length > SLAB_BYTES) {
      this.#slab = new Uint8Array(SLAB_BYTES)
      this.#used = 0
    }
    const from = this.#used
    this.#used += length
    this.#slab.set(bytes, from)
    return this.#slab.subarray(from, this.#used)
  }
}
