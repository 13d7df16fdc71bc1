import { once } from 'node:events'

/** A line on standard output. Waits where the reader is slower, so that a long listing is not gathered in memory. */
export async function printLine(text: string): Promise<void> {
  if (!process.stdout.write(`${text}\n`)) await once(process.stdout, 'drain')
}

/** For people; never on standard output, which may be read by a program. */
export function tell(text: string): void {
  process.stderr.write(`${text}\n`)
}

/** Whoever reads has enough (`| head`): that is no failure. */
export function endWithReader(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit()
    throw error
  })
}

/** 12.3 MB, 950 KB, 12 B. */
export function sizeText(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`
  if (bytes < 1_000_000) return `${Math.round(bytes / 1000)} KB`
  if (bytes < 1_000_000_000) return `${(bytes / 1_000_000).toFixed(1)} MB`
  return `${(bytes / 1_000_000_000).toFixed(1)} GB`
}
