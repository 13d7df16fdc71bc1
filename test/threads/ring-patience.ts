import type { RingProducer } from '../../src/ring/spsc-ring.js'

export function hung(what: string): never {
  throw new Error(`lost wake-up: ${what}`)
}

/**
 * Waits for room. A wait that ends with its timeout is a lost wake-up even if there is room by then: the timeout would
 * hide it.
 */
export function spaceOrHung(producer: RingProducer, length: number, hangMs: number): void {
  const begin = performance.now()
  if (!producer.waitForSpace(length, hangMs) || performance.now() - begin >= hangMs) hung('a producer waited for space')
}

/** Passes a little time without sleeping: to move one thread against the other. */
export function spin(turns: number): number {
  let waste = 0
  for (let i = 0; i < turns; i++) waste = (waste * 31 + i) | 0
  return waste
}
