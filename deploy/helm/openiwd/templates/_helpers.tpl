{{- define "openiwd.fullname" -}}
{{- if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "openiwd.selector" -}}
app.kubernetes.io/name: openiwd
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{- define "openiwd.labels" -}}
{{ include "openiwd.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version }}
{{- end -}}

{{- define "openiwd.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- .Values.serviceAccount.name | default (include "openiwd.fullname" .) -}}
{{- else -}}
{{- .Values.serviceAccount.name | default "default" -}}
{{- end -}}
{{- end -}}

{{- define "openiwd.image" -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" .Values.image.repository (.Values.image.tag | default .Chart.AppVersion) -}}
{{- end -}}
{{- end -}}

{{- define "openiwd.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
capabilities:
  drop: [ALL]
{{- end -}}

{{- define "openiwd.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{/* What every process that opens the databases needs. */}}
{{- define "openiwd.databaseEnv" -}}
- name: OPENIWD_DATABASE_URL
  valueFrom:
    secretKeyRef:
      name: {{ .Values.database.existingSecret }}
      key: {{ .Values.database.key }}
- name: OPENIWD_SECRET_KEY
  valueFrom:
    secretKeyRef:
      name: {{ .Values.secretKey.existingSecret }}
      key: {{ .Values.secretKey.key }}
- name: OPENIWD_CONNECTION_BUDGET
  value: {{ .Values.connectionBudget | quote }}
- name: OPENIWD_AWAKE_TENANTS
  value: {{ .Values.tenants.awake | quote }}
{{- with .Values.tenants.template }}
- name: OPENIWD_TENANT_TEMPLATE
  value: {{ . | quote }}
{{- end }}
{{- include "openiwd.secretEnv" (list "OPENIWD_PLATFORM_KEY" .Values.platformKey) }}
{{- include "openiwd.secretEnv" (list "OPENIWD_MART_SERVER_URL" .Values.martServer) }}
{{- include "openiwd.redisEnv" .Values.redis }}
{{- include "openiwd.searchEnv" .Values.search }}
{{- range $kind, $limit := .Values.limits }}
{{- with $limit }}
- name: OPENIWD_LIMIT_{{ snakecase $kind | upper }}
  value: {{ . | quote }}
{{- end }}
{{- end }}
{{- end -}}

{{/* A variable from a secret, where one is named. Takes (variable, {existingSecret, key}). */}}
{{- define "openiwd.secretEnv" -}}
{{- $where := index . 1 }}
{{- if $where.existingSecret }}
- name: {{ index . 0 }}
  valueFrom:
    secretKeyRef:
      name: {{ $where.existingSecret }}
      key: {{ $where.key }}
{{- end }}
{{- end -}}

{{- define "openiwd.redisEnv" -}}
{{- if .url }}
- name: OPENIWD_REDIS_URL
  value: {{ .url | quote }}
- name: OPENIWD_REDIS_CLUSTER
  value: {{ .cluster | quote }}
- name: OPENIWD_REDIS_PREFIX
  value: {{ .prefix | quote }}
- name: OPENIWD_REDIS_TIMEOUT_MS
  value: {{ .timeoutMilliseconds | quote }}
{{- include "openiwd.secretEnv" (list "OPENIWD_REDIS_PASSWORD" .password) }}
{{- with .tls }}
{{- if .existingSecret }}
- name: OPENIWD_REDIS_CA
  value: /tls/redis/ca.crt
{{- if .ownCertificate }}
- name: OPENIWD_REDIS_CERT
  value: /tls/redis/tls.crt
- name: OPENIWD_REDIS_KEY
  value: /tls/redis/tls.key
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "openiwd.searchEnv" -}}
{{- if .urls }}
- name: OPENIWD_SEARCH_URL
  value: {{ join "," .urls | quote }}
- name: OPENIWD_SEARCH_PREFIX
  value: {{ .prefix | quote }}
{{- with .user }}
- name: OPENIWD_SEARCH_USER
  value: {{ . | quote }}
{{- end }}
{{- include "openiwd.secretEnv" (list "OPENIWD_SEARCH_PASSWORD" .password) }}
{{- if .tls.existingSecret }}
- name: OPENIWD_SEARCH_CA_FILE
  value: /tls/search/ca.crt
{{- end }}
{{- end }}
{{- end -}}

{{- define "openiwd.commonEnv" -}}
- name: OPENIWD_LOG_LEVEL
  value: {{ .Values.logLevel }}
{{- if .Values.database.tls.existingSecret }}
- name: PGSSLROOTCERT
  value: /tls/database/ca.crt
{{- end }}
- name: OPENIWD_HOST
  value: "0.0.0.0"
- name: OPENIWD_METRICS_PORT
  value: {{ .Values.service.metricsPort | quote }}
- name: OPENIWD_DRAIN_SECONDS
  value: {{ .Values.drainSeconds | quote }}
- name: OPENIWD_TRUSTED_PROXIES
  value: {{ join "," .Values.trustedProxies | quote }}
- name: OPENIWD_CUSTOMARY_METRICS
  value: {{ .Values.customaryMetrics | quote }}
{{- with .Values.outboundAllow }}
- name: OPENIWD_OUTBOUND_ALLOW
  value: {{ join "," . | quote }}
{{- end }}
{{- range $where, $url := .Values.addresses }}
{{- with $url }}
- name: OPENIWD_{{ snakecase $where | upper }}_URL
  value: {{ . | quote }}
{{- end }}
{{- end }}
{{- with .Values.monitoring.certificates }}
- name: OPENIWD_CERTIFICATES
  value: {{ range $n, $secret := . }}{{ if $n }},{{ end }}/tls/watched/{{ $secret }}/tls.crt{{ end }}
{{- end }}
{{- end -}}

{{/* Files that settings name, each as its volume and where it is mounted. Never a private key of those that are only watched. */}}
{{- define "openiwd.files" -}}
{{- range .Values.monitoring.certificates }}
- name: watched-{{ . }}
  at: /tls/watched/{{ . }}
  secret: {{ . }}
  items: [{key: tls.crt, path: tls.crt}]
{{- end }}
{{- with .Values.database.tls.existingSecret }}
- name: database-tls
  at: /tls/database
  secret: {{ . }}
  items: [{key: ca.crt, path: ca.crt}]
{{- end }}
{{- if and .Values.redis.url .Values.redis.tls.existingSecret }}
- name: redis-tls
  at: /tls/redis
  secret: {{ .Values.redis.tls.existingSecret }}
{{- end }}
{{- if and .Values.search.urls .Values.search.tls.existingSecret }}
- name: search-tls
  at: /tls/search
  secret: {{ .Values.search.tls.existingSecret }}
  items: [{key: ca.crt, path: ca.crt}]
{{- end }}
{{- end -}}

{{/* Pod settings that a component may choose. Takes root, component, values. */}}
{{- define "openiwd.placement" -}}
{{- with .values.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
{{- if .root.Values.topologySpread }}
topologySpreadConstraints:
  {{- range $key := list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
  - maxSkew: 1
    topologyKey: {{ $key }}
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels: {{- include "openiwd.selector" $ | nindent 8 }}
  {{- end }}
{{- end }}
{{- with .root.Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- end -}}

{{/* A pod. Takes root, component, values, args, ports (name → number), env (text), probes (serving | beside | none), claim. */}}
{{- define "openiwd.pod" -}}
metadata:
  labels:
    {{- include "openiwd.labels" . | nindent 4 }}
    {{- with .root.Values.podLabels }}{{ toYaml . | nindent 4 }}{{ end }}
  {{- with .values.podAnnotations }}
  annotations: {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  serviceAccountName: {{ include "openiwd.serviceAccountName" .root }}
  automountServiceAccountToken: false
  enableServiceLinks: false
  {{- with .root.Values.imagePullSecrets }}
  imagePullSecrets: {{- toYaml . | nindent 4 }}
  {{- end }}
  securityContext: {{- include "openiwd.podSecurity" .root | nindent 4 }}
  terminationGracePeriodSeconds: {{ .root.Values.terminationGracePeriodSeconds }}
  {{- if .restartPolicy }}
  restartPolicy: {{ .restartPolicy }}
  {{- end }}
  {{- include "openiwd.placement" . | nindent 2 }}
  containers:
    - name: openiwd
      image: {{ include "openiwd.image" .root }}
      imagePullPolicy: {{ .root.Values.image.pullPolicy }}
      args: {{ toJson .args }}
      env:
        {{- include "openiwd.commonEnv" .root | nindent 8 }}
        {{- .env | nindent 8 }}
        {{- with concat (.root.Values.extraEnv | default list) (.values.extraEnv | default list) }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      {{- if .ports }}
      ports:
        {{- range $name, $number := .ports }}
        - name: {{ $name }}
          containerPort: {{ $number }}
        {{- end }}
      {{- end }}
      {{- if ne .probes "none" }}
      {{- $live := ternary "/livez" "/metrics" (eq .probes "serving") }}
      startupProbe:
        httpGet: {path: {{ $live }}, port: metrics}
        periodSeconds: 2
        failureThreshold: 90
      livenessProbe:
        httpGet: {path: {{ $live }}, port: metrics}
        periodSeconds: 10
        timeoutSeconds: 5
        failureThreshold: 6
      readinessProbe:
        httpGet: {path: {{ ternary "/readyz" "/metrics" (eq .probes "serving") }}, port: metrics}
        periodSeconds: 2
        timeoutSeconds: 5
        failureThreshold: 2
      {{- end }}
      securityContext: {{- include "openiwd.containerSecurity" .root | nindent 8 }}
      resources: {{- toYaml .values.resources | nindent 8 }}
      volumeMounts:
        - name: tmp
          mountPath: /tmp
        {{- range include "openiwd.files" .root | fromYamlArray }}
        - name: {{ .name }}
          mountPath: {{ .at }}
          readOnly: true
        {{- end }}
        {{- if .claim }}
        - name: capture
          mountPath: /capture
        {{- end }}
  volumes:
    - name: tmp
      emptyDir:
        sizeLimit: 1Gi
    {{- range include "openiwd.files" .root | fromYamlArray }}
    - name: {{ .name }}
      secret:
        secretName: {{ .secret }}
        defaultMode: 0440
        {{- with .items }}
        items: {{- toYaml . | nindent 10 }}
        {{- end }}
    {{- end }}
    {{- if .claim }}
    - name: capture
      persistentVolumeClaim:
        claimName: {{ .claim }}
    {{- end }}
{{- end -}}

{{- define "openiwd.deployment" -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ include "openiwd.fullname" .root }}-{{ .component }}
  labels: {{- include "openiwd.labels" . | nindent 4 }}
spec:
  {{- if not .scaled }}
  replicas: {{ .replicas }}
  {{- end }}
  revisionHistoryLimit: 5
  strategy:
    type: RollingUpdate
    rollingUpdate: {maxUnavailable: 0, maxSurge: 1}
  selector:
    matchLabels: {{- include "openiwd.selector" . | nindent 6 }}
  template: {{- include "openiwd.pod" . | nindent 4 }}
{{- end -}}

{{- define "openiwd.budget" -}}
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: {{ include "openiwd.fullname" .root }}-{{ .component }}
  labels: {{- include "openiwd.labels" . | nindent 4 }}
spec:
  maxUnavailable: {{ .values.podDisruptionBudget.maxUnavailable | default 1 }}
  selector:
    matchLabels: {{- include "openiwd.selector" . | nindent 6 }}
{{- end -}}
