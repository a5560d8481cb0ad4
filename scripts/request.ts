/** A call of the api; `POST` where it has a body and says nothing else. */
export interface Call {
  readonly method?: 'GET' | 'POST' | 'DELETE'
  readonly body?: object
  readonly token?: string
}

/** As `fetch` takes it. */
export function requestOf({ body, method = body === undefined ? 'GET' : 'POST', token }: Call): RequestInit {
  return {
    method,
    headers: {
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  }
}
