// What a line of an access log says where nobody chose: Istio's columns, which log readers know.
const fields = {
  start_time: '%START_TIME%',
  route_name: '%ROUTE_NAME%',
  method: '%REQ(:METHOD)%',
  path: '%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%',
  protocol: '%PROTOCOL%',
  response_code: '%RESPONSE_CODE%',
  response_flags: '%RESPONSE_FLAGS%',
  response_code_details: '%RESPONSE_CODE_DETAILS%',
  connection_termination_details: '%CONNECTION_TERMINATION_DETAILS%',
  bytes_received: '%BYTES_RECEIVED%',
  bytes_sent: '%BYTES_SENT%',
  duration: '%DURATION%',
  upstream_service_time: '%RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)%',
  x_forwarded_for: '%REQ(X-FORWARDED-FOR)%',
  user_agent: '%REQ(USER-AGENT)%',
  request_id: '%REQ(X-REQUEST-ID)%',
  authority: '%REQ(:AUTHORITY)%',
  upstream_host: '%UPSTREAM_HOST%',
  upstream_cluster: '%UPSTREAM_CLUSTER_RAW%',
  upstream_local_address: '%UPSTREAM_LOCAL_ADDRESS%',
  downstream_local_address: '%DOWNSTREAM_LOCAL_ADDRESS%',
  downstream_remote_address: '%DOWNSTREAM_REMOTE_ADDRESS%',
  requested_server_name: '%REQUESTED_SERVER_NAME%',
  upstream_transport_failure_reason: '%UPSTREAM_TRANSPORT_FAILURE_REASON%',
} as const

export const jsonFormat = { ...fields }

const f = fields
const quoted = (text: string): string => `"${text}"`

export const textFormat = `${[
  `[${f.start_time}]`,
  quoted(`${f.method} ${f.path} ${f.protocol}`),
  f.response_code,
  f.response_flags,
  f.response_code_details,
  f.connection_termination_details,
  quoted(f.upstream_transport_failure_reason),
  f.bytes_received,
  f.bytes_sent,
  f.duration,
  f.upstream_service_time,
  ...[f.x_forwarded_for, f.user_agent, f.request_id, f.authority, f.upstream_host].map(quoted),
  f.upstream_cluster,
  f.upstream_local_address,
  f.downstream_local_address,
  f.downstream_remote_address,
  f.requested_server_name,
  f.route_name,
].join(' ')}\n`
