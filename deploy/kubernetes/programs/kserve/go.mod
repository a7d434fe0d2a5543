// Pins KServe, whose definitions deploy/kubernetes/kserve is checked against in the tests.
module vitrine/kserve

go 1.26

require github.com/kserve/kserve v0.16.0
