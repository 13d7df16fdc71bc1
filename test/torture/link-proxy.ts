import { connect, createServer, type Server, type Socket } from 'node:net'

/** What a link does to what wants to pass. */
export interface LinkRule {
  /**
   * - `pass`: lets it through;
   * - `hold`: keeps it, and lets it through later: silence, then late arrivals;
   * - `lose`: as `hold`, but the connections end when the rule does, with all they kept;
   * - `refuse`: ends all connections, and every new one at once.
   */
  readonly mode: 'pass' | 'hold' | 'lose' | 'refuse'
  readonly delayMs: number
  readonly bytesPerSecond: number
}

export const OPEN: LinkRule = { mode: 'pass', delayMs: 0, bytesPerSecond: Number.POSITIVE_INFINITY }

/** The way from one node to another: takes TCP connections and hands on what comes, as its rule says. */
export class LinkProxy {
  readonly #server: Server
  readonly #wires = new Set<Wire>()
  #rule = OPEN

  private constructor(server: Server, targetPort: number) {
    this.#server = server
    server.on('connection', (near: Socket) => {
      if (this.#rule.mode === 'refuse') {
        near.on('error', () => undefined)
        near.resetAndDestroy()
        return
      }
      const wire = new Wire(near, targetPort, this.#rule, () => this.#wires.delete(wire))
      this.#wires.add(wire)
    })
  }

  static listen(targetPort: number): Promise<LinkProxy> {
    const server = createServer({ allowHalfOpen: true })
    return new Promise((resolve, reject) => {
      server.once('error', reject)
      server.listen(0, '127.0.0.1', () => resolve(new LinkProxy(server, targetPort)))
    })
  }

  get port(): number {
    return (this.#server.address() as { port: number }).port
  }

  set rule(rule: LinkRule) {
    const loses = this.#rule.mode === 'lose'
    this.#rule = rule
    if (loses || rule.mode === 'refuse') this.cut()
    for (const wire of this.#wires) wire.rule = rule
  }

  /** Ends all connections; new ones may come. */
  cut(): void {
    for (const wire of this.#wires) wire.cut()
  }

  close(): void {
    this.cut()
    this.#server.close()
  }
}

/** One connection through a proxy. */
class Wire {
  readonly #ends: readonly Socket[]
  readonly #ways: readonly Way[]
  readonly #gone: () => void
  #rule: LinkRule
  #broken = false

  constructor(near: Socket, targetPort: number, rule: LinkRule, gone: () => void) {
    const far = connect({ port: targetPort, host: '127.0.0.1', allowHalfOpen: true })
    this.#gone = gone
    this.#rule = rule
    this.#ends = [near, far]
    this.#ways = [new Way(near, far, rule), new Way(far, near, rule)]
    for (const end of this.#ends) {
      end.setNoDelay(true)
      end.on('error', () => this.#break())
      end.on('close', () => this.#closed())
    }
  }

  set rule(rule: LinkRule) {
    this.#rule = rule
    if (this.#broken && !isSilent(rule)) this.cut()
    else for (const way of this.#ways) way.rule = rule
  }

  cut(): void {
    for (const way of this.#ways) way.close()
    // After an end of writing, a reset is never carried out, and keeps the process from ending.
    for (const end of this.#ends) end.writableEnded ? end.destroy() : end.resetAndDestroy()
    this.#gone()
  }

  /** Behind a silent link nobody hears that the other end is gone. */
  #break(): void {
    this.#broken = true
    if (!isSilent(this.#rule)) this.cut()
  }

  #closed(): void {
    const [near, far] = this.#ends
    if (near!.destroyed && far!.destroyed) this.#gone()
    // An end in order has been handed on already; anything else breaks the other side too.
    else if (this.#ways.some((way) => way.isOpen)) this.#break()
  }
}

const isSilent = ({ mode }: LinkRule): boolean => mode === 'hold' || mode === 'lose'

/** How much a way keeps before it stops reading. */
const KEPT_BYTES = 1 << 20

/** One direction of a connection: what comes waits in a queue until it is due. */
class Way {
  readonly #from: Socket
  readonly #to: Socket
  /** Undefined: the end of the stream. */
  readonly #queue: { readonly chunk: Buffer | undefined; readonly due: number }[] = []
  #rule: LinkRule
  #kept = 0
  #lastDue = 0
  #timer: NodeJS.Timeout | undefined
  isOpen = true

  constructor(from: Socket, to: Socket, rule: LinkRule) {
    this.#from = from
    this.#to = to
    this.#rule = rule
    from.on('data', (chunk: Buffer) => this.#take(chunk))
    from.on('end', () => this.#take(undefined))
    to.on('drain', () => this.#pump())
  }

  set rule(rule: LinkRule) {
    this.#rule = rule
    this.#pump()
  }

  close(): void {
    this.isOpen = false
    clearTimeout(this.#timer)
    this.#queue.length = 0
  }

  #take(chunk: Buffer | undefined): void {
    if (!this.isOpen) return
    const { delayMs, bytesPerSecond } = this.#rule
    const bytes = chunk?.length ?? 0
    // Never before what came earlier, whatever the rule was then.
    this.#lastDue = Math.max(this.#lastDue, performance.now() + delayMs) + (bytes / bytesPerSecond) * 1000
    this.#queue.push({ chunk, due: this.#lastDue })
    this.#kept += bytes
    this.#pump()
    if (this.#kept > KEPT_BYTES) this.#from.pause()
  }

  #pump(): void {
    clearTimeout(this.#timer)
    while (this.isOpen && !isSilent(this.#rule) && this.#to.writableLength < KEPT_BYTES) {
      const [head] = this.#queue
      if (head === undefined) break
      const early = head.due - performance.now()
      if (early > 0) {
        this.#timer = setTimeout(() => this.#pump(), Math.ceil(early))
        break
      }
      this.#queue.shift()
      this.#hand(head.chunk)
    }
    if (this.isOpen && this.#kept < KEPT_BYTES / 2) this.#from.resume()
  }

  #hand(chunk: Buffer | undefined): void {
    if (chunk === undefined) {
      this.isOpen = false
      this.#to.end()
      return
    }
    this.#kept -= chunk.length
    this.#to.write(chunk)
  }
}
