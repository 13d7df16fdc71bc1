/** One line of the parts: what was done, and figures with their units. */
export interface PartRow {
  readonly part: string
  readonly what: string
  readonly figures: Readonly<Record<string, number>>
}

/** Of unsorted values; `share` in 0..1. */
export function percentile(values: readonly number[] | Float64Array, share: number): number {
  const sorted = Float64Array.from(values).sort()
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}

export const bytesName = (bytes: number): string => (bytes < 1024 ? `${bytes} B` : `${bytes / 1024} KiB`)
