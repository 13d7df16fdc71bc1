import type { KvClient, KvReply } from '../../native-bench/kv/kv-client.js'
import type { Absent, Conflict, Done, Found, KvAction } from '../linearizability/kv-model.js'

export type Request =
  | { readonly kind: 'put'; readonly value: string }
  | { readonly kind: 'compare-and-set'; readonly value: string; readonly ifVersion: number }
  | { readonly kind: 'delete' }
  | { readonly kind: 'get' }

/** How a call ended: with an answer, without any effect now and later, or nobody knows. */
export type CallEnd =
  | { readonly kind: 'answered'; readonly action: KvAction; readonly version: number | undefined }
  | { readonly kind: 'not-applied' | 'unknown'; readonly why: string }

/** One call of examples/kv over HTTP, as the words of its README say it is to be understood. */
export async function call(client: KvClient, nodeId: number, key: string, request: Request): Promise<CallEnd> {
  try {
    return understand(request, await client.send(nodeId, ...http(key, request)))
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    // Nothing has left this process when no connection was made.
    return { kind: code === 'ECONNREFUSED' ? 'not-applied' : 'unknown', why: code ?? message }
  }
}

function http(key: string, request: Request): [string, string, string] {
  const path = `/kv/${encodeURIComponent(key)}`
  switch (request.kind) {
    case 'put':
      return ['PUT', path, request.value]
    case 'compare-and-set':
      return ['POST', `${path}?ifVersion=${request.ifVersion}`, request.value]
    case 'delete':
      return ['DELETE', path, '']
    case 'get':
      return ['GET', path, '']
  }
}

const ABSENT: Absent = { kind: 'absent' }

function understand(request: Request, reply: KvReply): CallEnd {
  const { status, body } = reply
  if (request.kind === 'get') {
    if (status === 404) return answered({ ...request, answer: ABSENT }, 0)
    if (status !== 200) return refused(body, status)
    const found: Found = { kind: 'found', version: reply.version!, value: body }
    return answered({ ...request, answer: found }, found.version)
  }
  if (request.kind === 'delete' && status === 404) return answered({ ...request, answer: ABSENT }, 0)
  if (status !== 200 && status !== 409) return refused(body, status)
  const { version } = JSON.parse(body) as { version: number }
  if (status === 409 && request.kind === 'compare-and-set') {
    return answered({ ...request, answer: { kind: 'conflict', version } satisfies Conflict }, version)
  }
  if (status === 409) return { kind: 'unknown', why: 'a conflict without a condition' }
  return answered({ ...request, answer: { kind: 'done', version } satisfies Done }, version)
}

const answered = (action: KvAction, version: number): CallEnd => ({ kind: 'answered', action, version })

function refused(body: string, status: number): CallEnd {
  const { code, outcome } = JSON.parse(body) as { code?: string; outcome?: string }
  return { kind: outcome === 'not-applied' ? 'not-applied' : 'unknown', why: code ?? String(status) }
}
