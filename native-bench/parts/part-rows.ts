import { codeRows } from './code.js'
import { diskRows } from './disk.js'
import { linkRows } from './link.js'
import { lmdbRows } from './lmdb.js'
import type { PartRow } from './part.js'
import { ringRows } from './ring.js'

/** Of each row. */
const ROW_MS = 1_000

/** Every part of the machine and of the path by itself, one behind the other; `directory` chooses the disk. */
export async function* partRows(directory: string): AsyncGenerator<PartRow> {
  yield* await diskRows(directory, ROW_MS)
  yield* lmdbRows(directory, ROW_MS)
  yield* await ringRows(ROW_MS)
  yield* await linkRows(ROW_MS)
  yield* await codeRows()
}

export function partLine({ part, what, figures }: PartRow): string {
  const texts = Object.entries(figures).map(([unit, value]) => `${shown(value)} ${unit}`)
  return `  ${part.padEnd(6)}${what.padEnd(62)}${texts.map((text) => text.padStart(18)).join('')}`
}

function shown(value: number): string {
  return value >= 100 ? Math.round(value).toLocaleString('en-US') : value.toPrecision(3)
}
