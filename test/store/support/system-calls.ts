import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

/**
 * What a process asked of the system, in order, taken with strace: which bytes it wrote where, when it flushed, and
 * what it said to whom. `started` and `ended` are places in one sequence over all threads: what is durable is so from a
 * flush's `ended`, what was sent was sent from a send's `started`.
 */
export interface SystemCall {
  readonly thread: number
  readonly name: string
  readonly started: number
  readonly ended: number
  /** The descriptor that it is about, if its first argument is one, and what that stands for (a path, `TCP:[..]`). */
  readonly fd: number | undefined
  readonly target: string
  /** The bytes of all strings among its arguments, one behind the other. */
  readonly data: Buffer
  /** Its arguments without strings. */
  readonly args: string
  readonly result: number
  /** The process was killed in it: nobody knows how far it came. */
  readonly killed: boolean
}

/** What is needed to know what a power cut leaves of a file. */
export const DISK_CALLS = [
  'openat,close,rename,renameat,renameat2,lseek,pwrite64,pwritev,pwritev2,write,writev',
  'fdatasync,fsync,msync,sync_file_range,ftruncate,fallocate',
]

/** Why strace cannot be used here, or undefined. */
export function straceMissing(): string | undefined {
  const { error, status, stderr } = spawnSync('strace', ['-o', '/dev/null', 'true'], { encoding: 'utf8' })
  if (error !== undefined) return `strace does not run here: ${error.message}`
  return status === 0 ? undefined : `strace does not run here: ${stderr.trim()}`
}

/** Options before the command to be traced. `calls` are names of system calls, joined by commas. */
export function straceArguments(output: string, calls: readonly string[]): string[] {
  const names = calls.join(',')
  return ['-f', '-qq', '-yy', '-v', '-xx', '-s', '16777216', '-e', 'signal=none', '-e', `trace=${names}`, '-o', output]
}

export function readTrace(path: string): SystemCall[] {
  return parseTrace(readFileSync(path, 'latin1'))
}

export function parseTrace(text: string): SystemCall[] {
  const calls: SystemCall[] = []
  const unfinished = new Map<number, { started: number; text: string }>()
  let order = 0
  for (const line of text.split('\n')) {
    const space = line.indexOf(' ')
    if (space < 0) continue
    const thread = Number(line.slice(0, space))
    const rest = line.slice(space).trimStart()
    order++
    if (rest.endsWith('<unfinished ...>')) {
      unfinished.set(thread, { started: order, text: rest.slice(0, -'<unfinished ...>'.length) })
      continue
    }
    const resumed = /^<\.\.\. \w+ resumed>/.exec(rest)
    const begun = resumed === null ? undefined : unfinished.get(thread)
    if (resumed !== null && begun === undefined) continue
    unfinished.delete(thread)
    const whole = begun === undefined ? rest : begun.text + rest.slice(resumed?.[0].length)
    const call = parseCall(whole, thread, begun?.started ?? order, order)
    if (call !== undefined) calls.push(call)
  }
  return calls
}

const STRING = /"((?:\\x[0-9a-f]{2})*)"(\.\.\.)?/g

function parseCall(text: string, thread: number, started: number, ended: number): SystemCall | undefined {
  const open = text.indexOf('(')
  const close = text.lastIndexOf(') ')
  const result = /^\)\s+= (-?\d+|\?)/.exec(text.slice(close))
  if (open < 0 || close < open || result === null) return undefined
  const inside = text.slice(open + 1, close)
  const parts: Buffer[] = []
  const args = inside.replace(STRING, (_all, hex: string, cut: string | undefined) => {
    if (cut !== undefined) throw new Error('the trace holds a string that strace cut short')
    parts.push(decode(hex))
    return '""'
  })
  const first = /^(\d+)<(.*?)>\s*(?:,|$)/.exec(args)
  return {
    thread,
    name: text.slice(0, open),
    started,
    ended,
    fd: first === null ? undefined : Number(first[1]),
    target: decodePath(first?.[2] ?? ''),
    data: parts.length === 1 ? (parts[0] ?? Buffer.of()) : Buffer.concat(parts),
    args,
    result: result[1] === '?' ? -1 : Number(result[1]),
    killed: result[1] === '?',
  }
}

function decode(hex: string): Buffer {
  return Buffer.from(hex.replaceAll('\\x', ''), 'hex')
}

/** Under -xx the paths of descriptors are hexadecimal too; sockets and pipes are not. */
function decodePath(path: string): string {
  return path.startsWith('\\x') ? decode(path).toString() : path
}
