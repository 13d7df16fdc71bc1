import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Finding, KnownPosition, StoreJob, StoreNews, StorePart } from './finding.js'

const CHECKER = fileURLToPath(new URL('verify-store.js', import.meta.url))

/**
 * Checks one store in a process of its own. One that dies over a part of it is a finding, and another one goes on with the
 * parts behind.
 */
export async function readStore(job: StoreJob, hear: (news: StoreNews) => void): Promise<void> {
  const positions: KnownPosition[] = [...job.positions]
  let parts = job.parts
  while (parts.length > 0) {
    const ended = await readParts({ ...job, parts, positions }, (news) => {
      if (news.kind === 'position') positions.push(news.position)
      hear(news)
    })
    if (ended === undefined) return
    hear({ kind: 'finding', finding: crashed(job, ended) })
    parts = parts.slice(parts.indexOf(ended.part) + 1)
  }
}

interface Death {
  readonly part: StorePart
  readonly reading: string
  readonly how: string
  readonly isSignal: boolean
}

function readParts(job: StoreJob, hear: (news: StoreNews) => void): Promise<Death | undefined> {
  const child = spawn(process.execPath, [CHECKER], { stdio: ['pipe', 'pipe', 'pipe'] })
  let part = job.parts[0] as StorePart
  let reading = 'its files'
  let errors = ''
  child.stderr.on('data', (chunk) => (errors += chunk))
  // It may have died already, and says so by its end.
  child.stdin.on('error', () => undefined)
  child.stdin.end(JSON.stringify(job))
  const lines = createInterface({ input: child.stdout })
  const heard = new Promise<void>((resolve) => lines.on('close', resolve))
  lines.on('line', (line) => {
    const news = parseNews(line)
    if (news?.kind === 'part') part = news.part
    if (news?.kind === 'reading') reading = news.what
    if (news !== undefined) hear(news)
  })
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (status, signal) => {
      const how = signal ?? `exit status ${status}: ${errors.trim().split('\n').at(-1)}`
      const death = { part, reading, how, isSignal: signal !== null }
      void heard.then(() => resolve(status === 0 ? undefined : death))
    })
  })
}

/** The last line of a process that died may be cut. */
function parseNews(line: string): StoreNews | undefined {
  try {
    return JSON.parse(line) as StoreNews
  } catch {
    return undefined
  }
}

function crashed({ store, dataDir }: StoreJob, { part, reading, how, isSignal }: Death): Finding {
  const what = `reading store ${store} crashed with ${how}, at ${part}, ${reading}`
  const todo = `LMDB does that over a damaged index. ${part === 'log' ? 'Start the node: it finds that out, ends its voter and joins again.' : 'Start the node: it finds that out and builds the state anew.'}`
  // Of what kills from outside (out of memory, a person) nothing follows.
  const isDamage = isSignal && how !== 'SIGKILL' && how !== 'SIGTERM' && how !== 'SIGINT'
  return isDamage
    ? { level: 'damage', code: 'CRASHED', path: dataDir, what, todo }
    : { level: 'unchecked', code: 'NOT_CHECKED', path: dataDir, what }
}
