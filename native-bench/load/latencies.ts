import { build, decodeFromCompressedBase64, encodeIntoCompressedBase64, type Histogram } from 'hdr-histogram-js'

/** Milliseconds. */
export type Percentiles = Readonly<Record<'p50' | 'p90' | 'p99' | 'p999' | 'max', number>>

const LONGEST_MICROS = 120_000_000
/** Below it each microsecond has a counter of its own: finding its place in the histogram costs more than the rest of a call. */
const COUNTED_MICROS = 65_536

function histogram(): Histogram {
  return build({
    lowestDiscernibleValue: 1,
    highestTrackableValue: LONGEST_MICROS,
    numberOfSignificantValueDigits: 3,
  })
}

/** Of microseconds, with three digits. */
export class Latencies {
  readonly #counts = new Uint32Array(COUNTED_MICROS)
  readonly #histogram = histogram()

  recordMs(ms: number, count = 1): void {
    const micros = Math.max(1, ms * 1000)
    if (micros < COUNTED_MICROS) this.#counts[micros | 0]! += count
    else this.#histogram.recordValueWithCount(Math.min(LONGEST_MICROS, micros), count)
  }

  reset(): void {
    this.#counts.fill(0)
    this.#histogram.reset()
  }

  percentileMs(percent: number): number {
    return this.#whole().getValueAtPercentile(percent) / 1000
  }

  get maxMs(): number {
    return this.#whole().maxValue / 1000
  }

  get count(): number {
    return this.#whole().totalCount
  }

  encode(): string {
    return encodeIntoCompressedBase64(this.#whole())
  }

  /** With what was counted beside it. */
  #whole(): Histogram {
    this.#counts.forEach((count, micros) => {
      if (count > 0) this.#histogram.recordValueWithCount(micros, count)
    })
    this.#counts.fill(0)
    return this.#histogram
  }
}

/** Undefined if nothing was recorded in any of them. */
export function mergedPercentiles(encoded: readonly string[]): Percentiles | undefined {
  const all = histogram()
  for (const text of encoded) all.add(decodeFromCompressedBase64(text, 32, false))
  if (all.totalCount === 0) return undefined
  const ms = (percentile: number) => all.getValueAtPercentile(percentile) / 1000
  return { p50: ms(50), p90: ms(90), p99: ms(99), p999: ms(99.9), max: all.maxValue / 1000 }
}
