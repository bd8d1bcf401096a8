module bootstrap/tests/e2e/app

go 1.26
