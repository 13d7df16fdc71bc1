import { build, decodeFromCompressedBase64, encodeIntoCompressedBase64, type Histogram } from 'hdr-histogram-js'

/** Milliseconds. */
export type Percentiles = Readonly<Record<'p50' | 'p90' | 'p99' | 'p999' | 'max', number>>

const LONGEST_MICROS = 120_000_000

/** Of microseconds, with three digits. */
export function latencyHistogram(): Histogram {
  return build({
    lowestDiscernibleValue: 1,
    highestTrackableValue: LONGEST_MICROS,
    numberOfSignificantValueDigits: 3,
  })
}

export function recordMs(histogram: Histogram, ms: number, count = 1): void {
  histogram.recordValueWithCount(Math.min(LONGEST_MICROS, Math.max(1, ms * 1000)), count)
}

export const encodeHistogram = (histogram: Histogram): string => encodeIntoCompressedBase64(histogram)

/** Undefined if nothing was recorded in any of them. */
export function mergedPercentiles(encoded: readonly string[]): Percentiles | undefined {
  const all = latencyHistogram()
  for (const text of encoded) all.add(decodeFromCompressedBase64(text, 32, false))
  if (all.totalCount === 0) return undefined
  const ms = (percentile: number) => all.getValueAtPercentile(percentile) / 1000
  return { p50: ms(50), p90: ms(90), p99: ms(99), p999: ms(99.9), max: all.maxValue / 1000 }
}
