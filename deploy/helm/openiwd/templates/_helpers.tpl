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
{{- with .Values.outboundAllow }}
- name: OPENIWD_OUTBOUND_ALLOW
  value: {{ join "," . | quote }}
{{- end }}
{{- end -}}

{{- define "openiwd.commonEnv" -}}
- name: OPENIWD_LOG_LEVEL
  value: {{ .Values.logLevel }}
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
        {{- if .claim }}
        - name: capture
          mountPath: /capture
        {{- end }}
  volumes:
    - name: tmp
      emptyDir:
        sizeLimit: 1Gi
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
