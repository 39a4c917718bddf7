# if, for, while and case as whole RUNs, each with its own status.
FROM debian:12-slim
WORKDIR /srv
RUN for name in a b c; do touch "$name"; done
RUN if test -e a; then touch d; else touch e; fi
RUN case "$(ls | wc -l)" in *4*) touch four ;; *) touch other ;; esac
RUN n=0; while test "$n" -lt 3; do n=$((n + 1)); echo "$n" >> count; done
